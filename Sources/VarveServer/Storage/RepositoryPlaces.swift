import Synchronization
import VarveFormat
import VarveStorage

/// A repository on the server: a directory as LocalStorage lays it out.
struct RepositoryPlace: Sendable {
  let storage: LocalStorage
  let quota: Quota?
  let unreadable = UnreadableParts()

  /// Removes an object; says whether there was one.
  func remove(_ name: String) throws -> Bool {
    guard let quota else {
      guard try storage.size(name) != nil else { return false }
      try storage.remove(name)
      return true
    }
    return try quota.naming.withLock { _ in
      guard let size = try storage.size(name) else { return false }
      try storage.remove(name)
      quota.release(Int64(clamping: size))
      return true
    }
  }
}

/// The repositories below one directory. Its functions block.
final class RepositoryPlaces: Sendable {
  private let root: String
  private let limits: QuotaLimits
  private let places = Mutex<[String: RepositoryPlace]>([:])

  /// Counts what the repositories with a quota have.
  init(root: String, limits: QuotaLimits) throws {
    self.root = root
    self.limits = limits
    try LocalStorage(path: root).createDirectory()
    for name in try LocalStorage.directories(in: root) where RepositoryName.isValid(name) {
      _ = try place(name)
    }
  }

  /// nil when there is none of that name.
  func place(_ name: String) throws -> RepositoryPlace? {
    if let known = places.withLock({ $0[name] }) { return known }
    let storage = LocalStorage(path: "\(root)/\(name)")
    guard storage.exists else { return nil }
    let quota = try limits.limit(for: name).map { limit in
      Quota(limit: limit, used: try Self.usedBytes(storage))
    }
    return places.withLock { places in
      // Another thread may have been first, and has counted since.
      if let known = places[name] { return known }
      let place = RepositoryPlace(storage: storage, quota: quota)
      places[name] = place
      return place
    }
  }

  /// Makes the place of a repository.
  ///
  /// - Returns: whether there was none before.
  func create(_ name: String) throws -> Bool {
    let storage = LocalStorage(path: "\(root)/\(name)")
    let isNew = !storage.exists
    try storage.create()
    return isNew
  }

  private static func usedBytes(_ storage: LocalStorage) throws -> Int64 {
    var sum: Int64 = 0
    try storage.list("") { _, size in
      let (total, overflow) = sum.addingReportingOverflow(Quota.charge(Int64(clamping: size)))
      sum = overflow ? .max : total
    }
    return sum
  }
}

/// How many bytes repositories may have.
public struct QuotaLimits: Sendable {
  /// For those that are not named; nil for no limit.
  public var general: Int64?
  public var named: [String: Int64] = [:]

  public init() {}

  func limit(for name: String) -> Int64? { named[name] ?? general }
}
