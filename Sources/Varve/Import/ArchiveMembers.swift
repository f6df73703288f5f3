import Glibc
import Synchronization
internal import VarveChunking
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// Takes the members of an archive as they come and makes a tree of them in the end.
final class ArchiveMembers {
  private enum Mark {
    static let entry: UInt8 = 0
    static let link: UInt8 = 1
  }

  /// Hard links are held in memory, some 200 bytes each.
  private static let linkLimit = 4 << 20

  private let worker: BackupWorker
  private let prefix: [[UInt8]]
  private let archive: String
  private let sorter: EntrySorter
  private var links = ArchiveLinks()

  init(_ worker: BackupWorker, prefix: SnapshotPath, archive: String) {
    self.worker = worker
    self.prefix = prefix.components
    self.archive = archive
    sorter = EntrySorter(spillingTo: nil)
  }

  private var session: BackupSession { worker.session }

  /// Reports that something is not in the snapshot.
  func leaveOut(_ path: [UInt8], _ why: String) {
    let item = path.isEmpty ? Array(archive.utf8) : path
    session.report(item, why, .archival)
  }

  /// Reports that something is in the snapshot, though not as it is in the archive.
  private func keep(_ path: [UInt8], _ why: String) {
    session.report(path, why, .archival, isKept: true)
  }

  // MARK: Members

  func take(_ archived: ArchivedMember, from reader: TarReader) throws {
    let member = archived.member
    guard let components = components(of: member.path) else { return }
    for loss in archived.losses { keep(member.path, loss) }
    guard let name = components.last else {
      // The archive's own directory: the root of a snapshot has no metadata to keep.
      if member.kind != .directory { leaveOut(member.path, "it has no name") }
      return
    }
    let key = Array(components.joined(separator: [0]))
    if case .hardLink(let target) = member.kind {
      guard let target = self.components(of: target), !target.isEmpty else { return }
      guard links.count < Self.linkLimit else {
        return leaveOut(member.path, "the archive has more than \(Self.linkLimit) hard links")
      }
      let targetKey = Array(target.joined(separator: [0]))
      let number = try sorter.add(key, [Mark.link])
      links.add(number: number, target: targetKey)
      return
    }
    if case .file(let size, _) = member.kind, size > Self.largestFile {
      return leaveOut(member.path, "its \(size) bytes are more than a file has, holes included")
    }
    guard var entry = entry(member, name: name) else { return }
    if case .file(let size, _) = member.kind {
      entry.content = .file(try store(archived, size: size, from: reader))
      session.progress.filesDone.add(1, ordering: .relaxed)
    }
    if entry.type == .directory {
      entry.content = .directory(DirectoryContent(id: .zero, proofRoot: .zero, entryCount: 0))
    }
    do {
      try sorter.add(key, [Mark.entry] + entry.encode())
    } catch let error as VarveError where error.code == .usage {
      leaveOut(member.path, error.message)
    }
  }

  /// The components of a member's name in the snapshot; nil when it must not be taken.
  private func components(of path: [UInt8]) -> [[UInt8]]? {
    let parts = path.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != [0x2e] }
    guard !parts.contains([0x2e, 0x2e]) else {
      leaveOut(path, "its name leads out of the archive")
      return nil
    }
    guard parts.allSatisfy({ $0.count <= TreeLimits.nameByteCount && !$0.contains(0) }),
      prefix.count + parts.count < TreeLimits.depth
    else {
      leaveOut(Array(path.prefix(256)), "its name is too long, too deep or none")
      return nil
    }
    return prefix + parts
  }

  private func entry(_ member: TarMember, name: [UInt8]) -> TreeEntry? {
    func number(_ value: UInt64, _ what: String) -> UInt32 {
      if let number = UInt32(exactly: value) { return number }
      keep(member.path, "its \(what) \(value) is too large; it is kept as \(Self.nobody)")
      return Self.nobody
    }
    func account(_ name: [UInt8], _ what: String) -> [UInt8]? {
      guard name.count <= TreeLimits.accountByteCount else {
        keep(member.path, "its \(what)'s name is too long")
        return nil
      }
      return name.isEmpty ? nil : name
    }
    let type: EntryType
    let content: TreeEntry.Content
    switch member.kind {
    case .file: (type, content) = (.file, .file(.empty))
    case .directory: (type, content) = (.directory, .none)
    case .symbolicLink(let target): (type, content) = (.link, .link(target))
    case .fifo: (type, content) = (.fifo, .none)
    case .characterDevice(let major, let minor):
      (type, content) = (.characterDevice, .device(major: major, minor: minor))
    case .blockDevice(let major, let minor):
      (type, content) = (.blockDevice, .device(major: major, minor: minor))
    case .hardLink: return nil
    }
    func time(_ time: TarMember.Time) -> FileTime {
      FileTime(seconds: time.seconds, nanoseconds: time.nanoseconds)
    }
    return TreeEntry(
      name: name,
      attributes: EntryAttributes(
        type: type, mode: UInt16(truncatingIfNeeded: member.mode & 0o7777),
        uid: number(member.userID, "owner"), gid: number(member.groupID, "group"),
        modified: time(member.modified),
        accessed: session.options.withAtime ? member.accessed.map(time) : nil),
      user: account(member.user, "owner"), group: account(member.group, "group"),
      extendedAttributes: member.attributes.map {
        ExtendedAttribute(name: $0.name, value: $0.value)
      }, content: content)
  }

  private static let nobody: UInt32 = 65_534
  /// Of ext4; an archive says of a sparse file what it likes, and each byte of it is hashed.
  private static let largestFile: UInt64 = 16 << 40

  private func store(
    _ archived: ArchivedMember, size: UInt64, from reader: TarReader
  ) throws -> FileContent {
    worker.chunkList.reset()
    worker.holes = archived.holes
    var source = MemberSource(reader: reader, size: size)
    let sharedFrom = UInt64(4 * session.chunker.parameters.max)
    let content = try worker.readContent(shared: size >= sharedFrom, &source)
    if let failure = source.failure.error { throw failure }
    guard content.size == size else {
      throw VarveError(.io, "a member is shorter than it says")
    }
    worker.tally.filesNew += 1
    worker.tally.filesProcessed += 1
    worker.tally.bytesProcessed &+= content.size
    let usesLists = try worker.chunkList.finish(store: worker.store(node:))
    defer { worker.holes.removeAll() }
    guard size > 0 else { return .empty }
    return FileContent(
      size: size,
      form: usesLists ? .lists(worker.chunkList.lists) : .chunks(worker.chunkList.chunks),
      holes: worker.holes, digest: content.digest)
  }

  // MARK: The tree

  func finish() throws -> NodeReference {
    if links.count > 0 {
      try sorter.forEachRecord { record in
        let isLink = record.rest.first == Mark.link
        links.pass(record.key, record.number, isLink ? nil : record.rest)
      }
      links.resolve()
    }
    let assembly = TreeAssembly(
      worker,
      implied: EntryAttributes(
        type: .directory, mode: 0o755, uid: getuid(), gid: getgid(),
        modified: FileTime(seconds: 0, nanoseconds: 0)))
    var last: EntrySorter.Record?
    /// The key of the last entry that is no directory, and what lies below it.
    var blocked: [UInt8] = []
    func add(_ record: EntrySorter.Record) throws {
      let components = record.key.split(separator: 0, omittingEmptySubsequences: false)
        .map(Array.init)
      let path = Array(components.joined(separator: [UInt8(ascii: "/")]))
      if !blocked.isEmpty, record.key.starts(with: blocked) {
        return leaveOut(path, "what it lies in is no directory in the archive")
      }
      guard var entry = try entry(of: record, path: path) else { return }
      entry.name = components.last ?? []
      if entry.type != .directory {
        blocked = record.key + [0]
        if let group = links.group(of: record.number) {
          entry.attributes.isHardLinked = true
          session.links.add(device: 0, inode: group, path: path)
        }
      }
      try assembly.add(entry, in: components.dropLast())
    }
    try sorter.forEachRecord { record in
      if let last, last.key != record.key { try add(last) }
      last = record
    }
    if let last { try add(last) }
    let root = try assembly.finish()
    worker.tally.directoriesNew += assembly.directories
    return root
  }

  private func entry(of record: EntrySorter.Record, path: [UInt8]) throws -> TreeEntry? {
    var rest = record.rest
    if rest.first == Mark.link {
      guard let found = links.entry(of: record.number) else {
        leaveOut(path, "what it is linked to is not in the archive before it")
        return nil
      }
      rest = found
    }
    let entry = try rest.withUnsafeBytes {
      try TreeEntry(body: UnsafeRawBufferPointer(rebasing: $0[1...]))
    }
    if record.rest.first == Mark.link, entry.type == .directory {
      leaveOut(path, "it is a hard link to a directory")
      return nil
    }
    return entry
  }
}

/// The data of one member as content to be cut; it comes in order, without its holes.
private struct MemberSource: ContentSource {
  final class Failure { var error: (any Error)? }

  let reader: TarReader
  let size: UInt64
  let failure = Failure()
  var end: UInt64 { size }

  mutating func read(into pointer: UnsafeMutableRawPointer, _ count: Int, at offset: UInt64) -> Int
  {
    do {
      return try reader.read(into: UnsafeMutableRawBufferPointer(start: pointer, count: count))
    } catch {
      failure.error = error
      return -Int(EIO)
    }
  }
}
