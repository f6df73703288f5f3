// Objects as files below one directory.
//
// Writing:  tmp/<random> is created, written and synced; then renamed to the object's name (`put`)
//           or linked to it (`createExclusively`, where link(2) fails when the name exists); then
//           the directory that got the name is synced. A directory counts as durable once this
//           process has synced the directory above it.
// Crashes:  leave at most a file in tmp/, which nobody reads. Those older than a day are removed
//           when a process writes for the first time.
// Modes:    files 0600, directories 0700.

import CVarveLinux
import Glibc
import Synchronization
public import VarveFormat

/// A store in a directory of a local or network file system.
public final class LocalStorage: StorageBackend {
  /// An effect on which durability depends; paths are relative to the store.
  package enum Step: Equatable, Sendable {
    case madeDirectory(String)
    case wroteTemporary, syncedTemporary
    case renamed(to: String)
    case linked(to: String)
    case syncedDirectory(String)
  }

  /// Directories that `create` makes; every store of files keeps to them.
  package static let layout = [
    "keys", "log", "log/commits", "log/tile", "packs", "index", "snapshots", "inventories",
    "sessions",
    StorageName.temporaryDirectory,
  ]

  public let path: String
  private let observeStep: (@Sendable (Step) -> Void)?
  private let durableDirectories = Mutex<Set<String>>([])
  private let hasSweptTemporaries = Atomic<Bool>(false)

  /// Touches nothing.
  public convenience init(path: String) { self.init(path: path, observeStep: nil) }

  /// - Parameter observeStep: told of each step after it took place, for tests of their order.
  package init(path: String, observeStep: (@Sendable (Step) -> Void)?) {
    self.path = path
    self.observeStep = observeStep
  }

  public var location: String { path }

  /// Whether there is a directory at `path`.
  public var exists: Bool { (try? status(path))??.isDirectory ?? false }

  /// Makes the directory, those above it and those in it, where they are missing.
  public func create() throws {
    try LocalStorage.makePath(path) { try sync(directoryAt: $0) }
    for directory in LocalStorage.layout { try makeDurable(directory) }
  }

  /// Makes the directory and those above it, where they are missing, and nothing in it: for a store of another
  /// kind than a repository.
  public func createDirectory() throws {
    try LocalStorage.makePath(path) { try sync(directoryAt: $0) }
  }

  // MARK: Reading

  public func read(_ name: String) throws -> [UInt8] {
    let file = try open(name)
    defer { close(file.descriptor) }
    guard file.status.size <= ObjectName.byteLimit(of: name) else { throw tooLong(name) }
    return try [UInt8](unsafeUninitializedCapacity: Int(file.status.size)) { buffer, filled in
      try fill(UnsafeMutableRawBufferPointer(buffer), from: file.descriptor, at: 0, name)
      filled = buffer.count
    }
  }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    let file = try open(name)
    defer { close(file.descriptor) }
    let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count))
    guard !overflow, end <= file.status.size else { throw tooShort(name) }
    try fill(buffer, from: file.descriptor, at: Int64(offset), name)
  }

  public func size(_ name: String) throws -> UInt64? {
    try StorageName.validate(name)
    guard let status = try status(fullPath(name)) else { return nil }
    guard status.isRegularFile else { throw notAFile(name) }
    return status.size
  }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    try StorageName.validate(name)
    return try status(fullPath(name)).map {
      Timestamp(seconds: $0.modified_seconds, nanoseconds: $0.modified_nanoseconds)
    }
  }

  func open(_ name: String) throws -> (descriptor: Int32, status: varve_status) {
    try StorageName.validate(name)
    // Without O_NONBLOCK a FIFO in the place of an object would stop the program.
    let descriptor = varve_open(AT_FDCWD, fullPath(name), O_RDONLY | O_NONBLOCK, 0)
    guard descriptor >= 0 else {
      throw descriptor == -ENOENT || descriptor == -ENOTDIR
        ? missing(name) : failure(-descriptor, "read", name)
    }
    var status = varve_status()
    let result = varve_statx(descriptor, "", varve_at_empty_path, &status)
    guard result == 0, status.isRegularFile else {
      close(descriptor)
      throw result == 0 ? notAFile(name) : failure(-result, "read", name)
    }
    return (descriptor, status)
  }

  func fill(
    _ buffer: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int64, _ name: String
  ) throws {
    var done = 0
    while done < buffer.count {
      let count = varve_pread(
        file, buffer.baseAddress! + done, buffer.count - done, offset + Int64(done))
      guard count >= 0 else { throw failure(Int32(-count), "read", name) }
      guard count > 0 else { throw tooShort(name) }
      done += count
    }
  }

  // MARK: Writing

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    let upload = try LocalUpload(of: name, to: self)
    try upload.append(bytes)
    _ = try upload.finish(exclusively: false)
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    guard try size(name) == nil else { return false }
    let upload = try LocalUpload(of: name, to: self)
    try upload.append(bytes)
    return try upload.finish(exclusively: true)
  }

  /// Syncs the directory: a file is synced before it gets its name.
  public func settle(_ name: String) throws {
    try StorageName.validate(name)
    try sync(LocalStorage.parent(of: name))
  }

  public func remove(_ name: String) throws {
    try StorageName.validate(name)
    let result = varve_unlink(AT_FDCWD, fullPath(name), 0)
    guard result == 0 || result == -ENOENT || result == -ENOTDIR else {
      throw failure(-result, "remove", name)
    }
  }

  // MARK: Steps of an upload

  /// Makes a temporary file for an object.
  func openTemporary(for name: String) throws -> (descriptor: Int32, path: String) {
    try StorageName.validate(name)
    sweepTemporariesOnce()
    try makeDurable(LocalStorage.parent(of: name))
    try makeDurable(StorageName.temporaryDirectory)
    let unique = String(UInt64.random(in: UInt64.min...UInt64.max), radix: 16)
    let temporary = fullPath("\(StorageName.temporaryDirectory)/\(getpid())-\(unique)")
    let file = varve_open(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { throw failure(-file, "write", name) }
    return (file, temporary)
  }

  /// Gives a synced temporary file its name, and makes that durable.
  ///
  /// - Returns: false when it was to be exclusive and the name exists.
  func publish(_ temporary: String, as name: String, exclusively: Bool) throws -> Bool {
    func publish() throws -> Int32 {
      exclusively ? try link(temporary, as: name) : rename(temporary, as: name)
    }
    let directory = LocalStorage.parent(of: name)
    var result = try publish()
    if result == -ENOENT {
      // Somebody removed the directory since this process made it durable.
      durableDirectories.withLock { $0.removeAll() }
      try makeDurable(directory)
      result = try publish()
    }
    if result == -EEXIST { return false }
    guard result == 0 else { throw failure(-result, "write", name) }
    try sync(directory)
    return true
  }

  private func rename(_ temporary: String, as name: String) -> Int32 {
    let result = varve_rename(AT_FDCWD, temporary, AT_FDCWD, fullPath(name), 0)
    if result == 0 { observe(.renamed(to: name)) }
    return result
  }

  private func link(_ temporary: String, as name: String) throws -> Int32 {
    let destination = fullPath(name)
    var result = varve_link(AT_FDCWD, temporary, AT_FDCWD, destination, 0)
    if result == -EEXIST, try isOneFile(temporary, destination) {
      // A network file system repeated the request after its answer had been lost.
      result = 0
    }
    if result == -EPERM || result == -EOPNOTSUPP || result == -EMLINK || result == -ENOSYS {
      // A file system without hard links.
      result = varve_rename(AT_FDCWD, temporary, AT_FDCWD, destination, varve_rename_noreplace)
    }
    if result == 0 { observe(.linked(to: name)) }
    return result
  }

  func observe(_ step: Step) { observeStep?(step) }

  // MARK: Directories

  /// Makes sure that `directory`, a path in the store, exists and would survive a power loss.
  private func makeDurable(_ directory: String) throws {
    if durableDirectories.withLock({ $0.contains(directory) }) { return }
    if directory.isEmpty {
      guard try status(path)?.isDirectory == true else {
        // Never made here: the disk that holds it may not be mounted.
        throw VarveError(
          .noRepository, "there is no directory \(path)",
          hint: "mount the disk that holds the repository, or make one with 'varve init'")
      }
    } else {
      let parent = LocalStorage.parent(of: directory)
      try makeDurable(parent)
      let result = varve_mkdir(AT_FDCWD, fullPath(directory), 0o700)
      guard result == 0 || result == -EEXIST else { throw failure(-result, "make", directory) }
      if result == 0 { observeStep?(.madeDirectory(directory)) }
      try sync(parent)
    }
    durableDirectories.withLock { _ = $0.insert(directory) }
  }

  private func sync(_ directory: String) throws {
    try sync(directoryAt: fullPath(directory))
    observeStep?(.syncedDirectory(directory))
  }

  private func sync(directoryAt path: String) throws {
    let descriptor = varve_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0)
    guard descriptor >= 0 else { throw VarveError(system: -descriptor, "cannot sync \(path)") }
    defer { close(descriptor) }
    let result = varve_fsync(descriptor)
    // Some network file systems cannot sync a directory, and need not.
    guard result == 0 || result == -EINVAL || result == -EOPNOTSUPP else {
      throw VarveError(system: -result, "cannot sync \(path)")
    }
  }

  /// `mkdir -p`, which calls `sync` with the path of each directory that got a new entry.
  private static func makePath(_ path: String, sync: (String) throws -> Void) throws {
    let result = varve_mkdir(AT_FDCWD, path, 0o700)
    if result == -EEXIST { return }
    var components = path.split(separator: "/", omittingEmptySubsequences: true)
    guard !components.isEmpty else { return }
    components.removeLast()
    let above = (path.hasPrefix("/") ? "/" : "") + components.joined(separator: "/")
    let parent = above.isEmpty ? "." : above
    if result == -ENOENT {
      try makePath(parent, sync: sync)
      let again = varve_mkdir(AT_FDCWD, path, 0o700)
      guard again == 0 || again == -EEXIST else {
        throw VarveError(system: -again, "cannot make the directory \(path)")
      }
    } else if result != 0 {
      throw VarveError(system: -result, "cannot make the directory \(path)")
    }
    try sync(parent)
  }

  private func sweepTemporariesOnce() {
    guard !hasSweptTemporaries.exchange(true, ordering: .relaxed) else { return }
    let dayAgo = time(nil) - 86_400
    // What cannot be listed or removed now will be some other day.
    try? DirectoryWalk.files(below: fullPath(StorageName.temporaryDirectory)) { name, status in
      if status.modified_seconds < dayAgo {
        _ = varve_unlink(AT_FDCWD, fullPath("\(StorageName.temporaryDirectory)/\(name)"), 0)
      }
    }
  }

  // MARK: Listing

  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    let directory = try StorageName.directory(prefix)
    try DirectoryWalk.files(below: fullPath(directory)) { path, status in
      let name = directory.isEmpty ? path : "\(directory)/\(path)"
      if StorageName.isValid(name) { try body(name, status.size) }
    }
  }

  // MARK: Paths, status, failures

  func fullPath(_ name: String) -> String { name.isEmpty ? path : "\(path)/\(name)" }

  package static func parent(of name: String) -> String {
    guard let slash = name.lastIndex(of: "/") else { return "" }
    return String(name[..<slash])
  }

  private func status(_ path: String) throws -> varve_status? {
    var status = varve_status()
    let result = varve_statx(AT_FDCWD, path, 0, &status)
    if result == -ENOENT || result == -ENOTDIR { return nil }
    guard result == 0 else { throw VarveError(system: -result, "cannot look at \(path)") }
    return status
  }

  private func isOneFile(_ a: String, _ b: String) throws -> Bool {
    guard let a = try status(a), let b = try status(b) else { return false }
    return a.inode == b.inode && a.device_major == b.device_major
      && a.device_minor == b.device_minor
  }

  func failure(_ code: Int32, _ verb: String, _ name: String) -> VarveError {
    VarveError(system: code, "cannot \(verb) \(name) in \(location)")
  }

  private func notAFile(_ name: String) -> VarveError {
    VarveError(.damaged, "\(name) in \(location) is not a regular file")
  }
}
