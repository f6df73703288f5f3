import Synchronization
import VarveFormat
import VarveStorage

extension SFTPStorage {
  /// A directory on the way is not there.
  private struct DirectoryGone: Error {
    let failure: VarveError
  }

  private enum Publication {
    case done
    case nameIsTaken
  }

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    _ = try store(name, bytes) { session, temporary in
      try replace(path(name), with: temporary, bytes, session)
      return .done
    }
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try store(name, bytes) { session, temporary in
      try publish(temporary, as: path(name), session)
    }
  }

  public func settle(_ name: String) throws {
    try StorageName.validate(name)
    try withSession { try $0.syncDirectory(path(LocalStorage.parent(of: name))) }
  }

  public func remove(_ name: String) throws {
    try StorageName.validate(name)
    try withSession { session in
      let status = try session.perform(.remove(path: path(name)))
      guard status.code != SFTPStatus.ok, status.code != SFTPStatus.noSuchFile else { return }
      if status.code == SFTPStatus.failure, try session.status(path(name)) == nil { return }
      throw session.failure(status, "remove \(name)")
    }
  }

  /// Writes a temporary file, lets `publish` give it the object's name, and makes that durable.
  private func store(
    _ name: String, _ bytes: UnsafeRawBufferPointer,
    publish: (SFTPSession, _ temporary: String) throws -> Publication
  ) throws -> Bool {
    try StorageName.validate(name)
    return try withSession { session in
      do {
        return try storeOnce(name, bytes, session, publish)
      } catch is DirectoryGone {
        // Somebody removed it since this process found or made it.
        directories.forget()
      }
      do {
        return try storeOnce(name, bytes, session, publish)
      } catch let gone as DirectoryGone {
        throw gone.failure
      }
    }
  }

  private func storeOnce(
    _ name: String, _ bytes: UnsafeRawBufferPointer, _ session: SFTPSession,
    _ publish: (SFTPSession, _ temporary: String) throws -> Publication
  ) throws -> Bool {
    let directory = LocalStorage.parent(of: name)
    try directories.ensure(directory, session)
    try directories.ensure(StorageName.temporaryDirectory, session)
    let temporary = newTemporary()
    // The directory is opened on the way, for the sync at the end.
    var requests: [SFTPRequest] = [
      .open(path: temporary, flags: [.write, .create, .exclusive])
    ]
    if session.offers(.sync) { requests.append(.open(path: path(directory), flags: .read)) }
    let answers = try session.ask(requests)
    var opened: [UInt8]?
    if answers.count > 1, case .handle(let handle) = answers[1] { opened = handle }
    do {
      try write(bytes, to: temporary, answers[0], session)
      sweepOnce(temporary, session)
      let publication = try publish(session, temporary)
      session.attempt(.remove(path: temporary))
      if let handle = opened {
        opened = nil
        // Also when the name was taken: whoever took it may have been this process, before the connection was lost.
        try session.syncDirectory(path(directory), handle)
      }
      return publication == .done
    } catch {
      session.attempt(.remove(path: temporary))
      if let opened { session.attempt(.close(handle: opened)) }
      throw error
    }
  }

  private func write(
    _ bytes: UnsafeRawBufferPointer, to temporary: String, _ answer: SFTPAnswer,
    _ session: SFTPSession
  ) throws {
    switch answer {
    case .handle(let handle): try session.write(bytes, to: handle, temporary)
    case .status(let status):
      let failure = session.failure(status, "write \(temporary)")
      if status.code == SFTPStatus.noSuchFile { throw DirectoryGone(failure: failure) }
      throw failure
    default: throw session.unexpected()
    }
  }

  private func newTemporary() -> String {
    let unique = String(UInt64.random(in: UInt64.min...UInt64.max), radix: 16)
    return path("\(StorageName.temporaryDirectory)/sftp-\(unique)")
  }

  // MARK: Publishing

  /// Gives the temporary file the name, unless that is taken.
  private func publish(
    _ temporary: String, as path: String, _ session: SFTPSession
  ) throws -> Publication {
    let status: SFTPStatus
    if session.offers(.hardLink) {
      status = try session.perform(.extended(.hardLink, paths: [temporary, path]))
    } else {
      if try session.status(path) != nil { return .nameIsTaken }
      status = try session.perform(.rename(from: temporary, to: path))
    }
    if status.code == SFTPStatus.ok { return .done }
    if try session.status(path) != nil { return .nameIsTaken }
    throw writeFailure(status, path, session)
  }

  private func writeFailure(
    _ status: SFTPStatus, _ path: String, _ session: SFTPSession
  ) -> any Error {
    let failure = session.failure(status, "write \(path)")
    return status.code == SFTPStatus.noSuchFile ? DirectoryGone(failure: failure) : failure
  }

  private func replace(
    _ path: String, with temporary: String, _ bytes: UnsafeRawBufferPointer, _ session: SFTPSession
  ) throws {
    if session.offers(.replacingRename) {
      let status = try session.perform(.extended(.replacingRename, paths: [temporary, path]))
      if status.code != SFTPStatus.ok { throw writeFailure(status, path, session) }
      return
    }
    if try publish(temporary, as: path, session) == .done { return }
    // Content objects are put a second time with the same bytes only: then there is no moment without them.
    if try holds(path, bytes, session) { return }
    let aside = newTemporary()
    let moved = try session.perform(.rename(from: path, to: aside))
    guard moved.code == SFTPStatus.ok || moved.code == SFTPStatus.noSuchFile else {
      throw session.failure(moved, "replace \(path)")
    }
    let placed = try session.perform(.rename(from: temporary, to: path))
    guard placed.code == SFTPStatus.ok else {
      _ = try session.perform(.rename(from: aside, to: path))
      throw session.failure(placed, "replace \(path)")
    }
    session.attempt(.remove(path: aside))
  }

  private func holds(
    _ path: String, _ bytes: UnsafeRawBufferPointer, _ session: SFTPSession
  ) throws -> Bool {
    guard try session.status(path)?.size == UInt64(bytes.count),
      let handle = try session.openForReading(path)
    else { return false }
    defer { session.attempt(.close(handle: handle)) }
    let found = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    defer { found.deallocate() }
    return try session.read(handle, offset: 0, into: found, path) && found.elementsEqual(bytes)
  }

  /// What dead clients left, once in the life of this one.
  private func sweepOnce(_ temporary: String, _ session: SFTPSession) {
    guard !hasSwept.exchange(true, ordering: .relaxed) else { return }
    // What cannot be listed or removed now will be some other day.
    guard let now = try? session.status(temporary)?.modified, now > 86_400 else { return }
    let listing = SFTPListing(session: session, root: root, mostEntries: 100_000)
    try? listing.entries(of: [StorageName.temporaryDirectory]) { path, attributes in
      guard attributes.isRegularFile, let modified = attributes.modified,
        modified < now - 86_400, !path.dropFirst("tmp/".count).contains("/")
      else { return }
      session.attempt(.remove(path: self.path(path)))
    }
  }

  // MARK: A new store

  public func create() throws {
    try withSession { session in
      try directories.makeRoot(session)
      for directory in LocalStorage.layout { try directories.ensure(directory, session) }
      // At once: one by one they would cost a first backup some round trips each.
      let names = (0..<256).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      try directories.ensure(names, in: "packs", session)
      try probe(session)
    }
  }

  /// Sees that of two creations of one name the second fails.
  private func probe(_ session: SFTPSession) throws {
    let files = [newTemporary(), newTemporary()]
    let target = newTemporary()
    defer { for file in files + [target] { session.attempt(.remove(path: file)) } }
    for file in files {
      let answer = try session.ask(.open(path: file, flags: [.write, .create, .exclusive]))
      try write(UnsafeRawBufferPointer(start: nil, count: 0), to: file, answer, session)
    }
    let hasLinks = session.offers(.hardLink)
    let results = try files.map { file in
      try session.perform(
        hasLinks
          ? .extended(.hardLink, paths: [file, target]) : .rename(from: file, to: target))
    }
    guard results[0].code == SFTPStatus.ok else {
      throw VarveError(
        .refused,
        "\(location) cannot give a file a name only if that is free: \(results[0].text)",
        hint: "use a file system with hard links there")
    }
    guard results[1].code != SFTPStatus.ok else {
      throw VarveError(
        .refused, "\(location) replaces a file where it has to refuse a name that is taken",
        hint: "use OpenSSH's server: with this one, two backups at a time would lose one of them")
    }
  }
}
