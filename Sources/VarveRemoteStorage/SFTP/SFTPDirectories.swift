import Synchronization
import VarveFormat
import VarveStorage

/// The directories of a store: made on demand, and known to be durable once this process has synced the directory above.
///
/// What is in a directory is looked up once, together, so that a repository which has its directories already costs a few
/// round trips, not some for each of them.
final class SFTPDirectories: Sendable {
  private struct State {
    var durable: Set<String> = []
    var surveyed: Set<String> = []
  }

  private let root: String
  /// Of one directory.
  private let mostEntries: Int
  private let state = Mutex(State())
  private let surveying = Mutex<Void>(())

  init(root: String, mostEntries: Int) {
    self.root = root
    self.mostEntries = mostEntries
  }

  /// Forgets what is known: somebody removed a directory.
  func forget() { state.withLock { $0 = State() } }

  /// Makes sure that `directory`, a path in the store, exists and would survive a power loss.
  func ensure(_ directory: String, _ session: SFTPSession) throws {
    if isDurable(directory) { return }
    if directory.isEmpty {
      guard try session.status(root)?.isDirectory == true else {
        throw VarveError(
          .noRepository, "there is no directory \(root) at \(session.location)",
          hint: "check the path, or make a repository with 'varve init'")
      }
      state.withLock { _ = $0.durable.insert("") }
      return
    }
    let parent = LocalStorage.parent(of: directory)
    try ensure(parent, session)
    try surveying.withLock { _ in try survey(parent, session) }
    if isDurable(directory) { return }
    try make(path(directory), session)
    try session.syncDirectory(path(parent))
    state.withLock { _ = $0.durable.insert(directory) }
  }

  /// Makes several directories in one that is durable, all at once.
  func ensure(_ names: [String], in parent: String, _ session: SFTPSession) throws {
    try ensure(parent, session)
    let directories = names.map { "\(parent)/\($0)" }
    _ = try session.ask(directories.map { .makeDirectory(path: path($0)) })
    // Those that are there now, made or found.
    try surveying.withLock { _ in
      state.withLock { _ = $0.surveyed.remove(parent) }
      try survey(parent, session)
    }
    for directory in directories { try ensure(directory, session) }
  }

  /// Makes the store's own directory and those above it, where they are missing.
  func makeRoot(_ session: SFTPSession) throws {
    var missing: [String] = []
    var path = root
    while try session.status(path)?.isDirectory != true {
      missing.append(path)
      guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { break }
      path = String(path[..<slash])
    }
    for directory in missing.reversed() {
      try make(directory, session)
      let slash = directory.lastIndex(of: "/")
      let parent = slash.map { $0 == directory.startIndex ? "/" : String(directory[..<$0]) }
      try session.syncDirectory(parent ?? ".")
    }
  }

  private func make(_ path: String, _ session: SFTPSession) throws {
    let status = try session.perform(.makeDirectory(path: path))
    guard status.code != SFTPStatus.ok else { return }
    // SFTP does not say that it is there already.
    guard try session.status(path)?.isDirectory == true else {
      throw session.failure(status, "make the directory \(path)")
    }
  }

  private func survey(_ directory: String, _ session: SFTPSession) throws {
    if state.withLock({ $0.surveyed.contains(directory) }) { return }
    var found: [String] = []
    let listing = SFTPListing(session: session, root: root, mostEntries: mostEntries)
    try listing.entries(of: [directory]) { path, attributes in
      let isOurs = StorageName.isValid(path) || path == StorageName.temporaryDirectory
      if isOurs, attributes.isDirectory, found.count < 100_000 { found.append(path) }
    }
    try session.syncDirectory(path(directory))
    state.withLock { state in
      state.durable.formUnion(found)
      state.surveyed.insert(directory)
    }
  }

  private func isDurable(_ directory: String) -> Bool {
    state.withLock { $0.durable.contains(directory) }
  }

  private func path(_ directory: String) -> String {
    directory.isEmpty ? root : "\(root)/\(directory)"
  }
}
