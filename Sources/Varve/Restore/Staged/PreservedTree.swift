import CVarveLinux
import Glibc
import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository
internal import VarveStorage

// The snapshot that is taken before a restore changes anything:
//
//   /<target>/…       what will be written over or removed, with the directories in which it and what is new lie
//   /.varve-created   the paths of what will be new, relative to the target, each ended by NUL
//   meta              safety-target: the target; safety-for: the snapshot that is restored

/// Reads what a restore will change, and nothing else.
struct PreservedTree: TreeSource {
  static let createdName = Array(".varve-created".utf8)
  static let targetKey = "safety-target"
  static let snapshotKey = "safety-for"

  let target: SnapshotPath
  /// When the target itself was changed, before anything was staged in it.
  let modified: FileTime
  /// Relative to the target, in the order of a walk.
  let preserved: [[UInt8]]
  let created: [[UInt8]]

  var paths: [[UInt8]] { [target.bytes] }
  // A second attempt sees the same target, as nothing has been changed yet.
  var isRepeatable: Bool { true }

  func store(by worker: BackupWorker) throws -> NodeReference {
    let now = FileTime(WallClock.now())
    let assembly = TreeAssembly(
      worker,
      implied: EntryAttributes(
        type: .directory, mode: 0o755, uid: getuid(), gid: getgid(), modified: now))
    // Entries of the root go in order, and the list of what is new comes first or last.
    let list = try createdEntry(by: worker, now)
    let first = target.components.first
    let isBefore = first.map { Self.createdName.lexicographicallyPrecedes($0) } ?? false
    if isBefore || first == nil { try assembly.add(list, in: []) }
    if let places = try TargetPlaces(existing: target.bytes) {
      for path in withDirectories() {
        try worker.session.cancellation.check()
        guard let entry = try entry(at: path, places, worker) else { continue }
        let components =
          target.components + path.split(separator: UInt8(ascii: "/")).map(Array.init)
        guard !components.isEmpty else { continue }
        try assembly.add(entry, in: components.dropLast())
      }
    }
    if !isBefore, first != nil { try assembly.add(list, in: []) }
    return try assembly.finish()
  }

  /// All paths, and the directories they lie in, whose times will change, too.
  private func withDirectories() -> [[UInt8]] {
    var all = Set(preserved)
    for path in preserved + created {
      var rest = path[...]
      while let cut = rest.lastIndex(of: UInt8(ascii: "/")) {
        rest = rest[..<cut]
        if !all.insert(Array(rest)).inserted { break }
      }
    }
    all.insert([])
    let new = Set(created)
    return all.filter { !new.contains($0) }.sorted { SplitOrder.precedes($0, $1) }
  }

  private func createdEntry(by worker: BackupWorker, _ now: FileTime) throws -> TreeEntry {
    var text: [UInt8] = []
    for path in created { text.append(contentsOf: path + [0]) }
    worker.chunkList.reset()
    worker.holes.removeAll()
    var source = BytesSource(bytes: text)
    let content = try worker.readContent(shared: false, &source)
    return TreeEntry(
      name: Self.createdName,
      attributes: EntryAttributes(
        type: .file, mode: 0o600, uid: getuid(), gid: getgid(), modified: now),
      content: .file(try fileContent(content, worker)))
  }

  private func fileContent(
    _ content: BackupWorker.ArchivedContent, _ worker: BackupWorker
  ) throws -> FileContent {
    let usesLists = try worker.chunkList.finish(store: worker.store(node:))
    worker.tally.filesNew += 1
    worker.tally.filesProcessed += 1
    worker.tally.bytesProcessed &+= content.size
    guard content.size > 0 else { return .empty }
    return FileContent(
      size: content.size,
      form: usesLists ? .lists(worker.chunkList.lists) : .chunks(worker.chunkList.chunks),
      holes: worker.holes, digest: content.digest)
  }

  /// The entry of what is there; nil when it has gone meanwhile, or is a socket.
  private func entry(
    at path: [UInt8], _ places: TargetPlaces, _ worker: BackupWorker
  ) throws -> TreeEntry? {
    var status = FileStatus()
    guard try places.look(at: path, &status), let type = status.type else { return nil }
    let name =
      path.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? target.components.last ?? []
    func failure(_ code: Int32) -> VarveError {
      VarveError(system: code, "cannot keep \(EscapedBytes.text(path)), so nothing was changed")
    }
    let session = worker.session
    var attributes: [ExtendedAttribute] = []
    var flags: UInt32 = 0
    var content = TreeEntry.Content.none
    let (parent, component) =
      path.isEmpty ? (places.root.number, [0x2e, 0]) : places.parent(of: path)
    guard parent >= 0 else { throw failure(-parent) }
    if type == .file || type == .directory {
      let opened = component.withName {
        type == .file ? OpenAt.file(parent, $0) : OpenAt.directory(parent, $0)
      }
      guard opened >= 0 else { throw failure(-opened) }
      let file = Descriptor(owning: opened)
      var code = FileStatus.read(file.number, into: &status)
      guard code == 0, status.type == type else { throw failure(code == 0 ? ESTALE : code) }
      code = ExtendedAttributes.read(file.number, into: &attributes)
      guard code == 0 else { throw failure(code) }
      code = InodeFlags.read(file.number, into: &flags)
      guard code == 0 else { throw failure(code) }
      if type == .file {
        worker.chunkList.reset()
        worker.holes.removeAll()
        if status.mayHaveHoles, status.size > 0 {
          code = FileHoles.read(file.number, size: status.size, into: &worker.holes)
          guard code == 0 else { throw failure(code) }
        }
        let read = try worker.readExtents(file.number, size: status.size)
        if let error = read.error { throw failure(error) }
        content = .file(try fileContent(read, worker))
      } else {
        content = .directory(DirectoryContent(id: .zero, proofRoot: .zero, entryCount: 0))
      }
    } else {
      let code = ExtendedAttributes.read(
        parent, component.map { CChar(bitPattern: $0) }, into: &attributes)
      guard code == 0 else { throw failure(code) }
      if type == .link {
        content = .link(try linkTarget(component, parent, failure))
      } else if type != .fifo {
        content = .device(
          major: status.raw.special_device_major, minor: status.raw.special_device_minor)
      }
    }
    let isLinked = type != .directory && status.links > 1
    if isLinked {
      let components = target.components + path.split(separator: UInt8(ascii: "/")).map(Array.init)
      session.links.add(
        device: status.device, inode: status.inode,
        path: Array(components.joined(separator: [UInt8(ascii: "/")])))
    }
    return TreeEntry(
      name: name,
      attributes: EntryAttributes(
        type: type, mode: status.mode, uid: status.owner, gid: status.group,
        modified: path.isEmpty ? modified : status.modified, inodeFlags: flags,
        isHardLinked: isLinked),
      user: session.accounts.user(status.owner), group: session.accounts.group(status.group),
      extendedAttributes: attributes, content: content)
  }

  private func linkTarget(
    _ name: [UInt8], _ parent: Int32, _ failure: (Int32) -> VarveError
  ) throws -> [UInt8] {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65_536) { buffer in
      let count = name.withName {
        varve_readlink(parent, $0, buffer.baseAddress!, buffer.count)
      }
      guard count >= 0 else { throw failure(Int32(-count)) }
      return buffer[..<Int(count)].map { UInt8(bitPattern: $0) }
    }
  }
}

/// Content that is in memory.
private struct BytesSource: ContentSource {
  let bytes: [UInt8]
  var end: UInt64 { UInt64(bytes.count) }

  mutating func read(into pointer: UnsafeMutableRawPointer, _ count: Int, at offset: UInt64) -> Int
  {
    let range = Int(offset)..<min(bytes.count, Int(offset) + count)
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(start: pointer, count: count).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: $0[range]))
    }
    return range.count
  }
}
