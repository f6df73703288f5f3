import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// Something that must never be.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

/// What need not be judged again: objects do not change, and snapshots neither.
struct Judged {
  /// Objects whose bytes have the digest of their names.
  var intact: Set<ObjectIdentifier> = []
  /// Keeps what `intact` names from being freed and its address from being used anew.
  var kept: [SimulatedObject] = []
  /// The chunks that a snapshot needs: to be where the index says, whatever was repacked meanwhile.
  var chunks: [Digest: Set<Digest>] = [:]
  /// Chunks that have been read from a pack, and had their digest.
  var read: Set<Place> = []

  struct Place: Hashable {
    let pack: Digest
    let chunk: Digest
  }

  mutating func merge(_ other: Judged) {
    intact.formUnion(other.intact)
    kept += other.kept
    chunks.merge(other.chunks) { mine, _ in mine }
    read.formUnion(other.read)
  }
}

/// Knows after each step whether every live snapshot can be restored, and is what was saved.
///
/// A step that adds a commit has all live snapshots looked up in the index as the log then has it, each chunk
/// in the pack that the index gives; what was not read from there before is read and hashed. A step that takes something away, or stores
/// other bytes in its place, must not concern what the newest state of the log names. The program's own
/// code reads, from storage as it is, without a cache.
final class Oracle {
  private let store: SimulatedStore
  private let world: World
  private let unlocked: UnlockedRepository
  private(set) var judged: Judged
  /// Objects that the log names as live or as condemned and not swept.
  private var needed: [String: SimulatedObject] = [:]
  private(set) var violation: Violation?
  private(set) var commits = 0
  /// Partial snapshots that were restored, as far as they go.
  private(set) var partials = 0
  /// Whether it looks at nothing, until it is woken.
  private(set) var isAsleep = true

  var state: LogState { unlocked.log.state }

  init(_ store: SimulatedStore, in world: World, state: String) throws {
    self.store = store
    self.world = world
    judged = world.judged
    let storage = SimulatedStorage(OpenGate(store), client: -1)
    unlocked = try Repository.open(storage: storage).unlock(
      .keyText(SecretBytes(copying: world.ownerKey)),
      client: ClientDirectories(cache: nil, state: state))
  }

  /// Judges what is there, and from now on each change.
  func wake() {
    guard isAsleep else { return }
    isAsleep = false
    attempt { try judge() }
  }

  private func attempt(_ body: () throws -> Void) {
    do {
      try body()
    } catch {
      violation = violation ?? error as? Violation ?? Violation(description: "\(error)")
    }
  }

  /// Judges a change, if it concerns anything that matters. Remembers the first violation.
  func observe(_ name: String, _ old: SimulatedObject?, _ new: SimulatedObject?) {
    let isNewCommit = name.hasPrefix(ObjectName.commitPrefix)
    if isNewCommit { commits += 1 }
    guard violation == nil, !isAsleep else { return }
    attempt {
      if let old, needed[name] === old {
        guard let new, new.bytes == old.bytes else {
          throw Violation(description: "\(name), which the log needs, is gone or replaced")
        }
        needed[name] = new
        judgeIntact(new)
      } else if let old, let new, ObjectName.digest(of: name) != nil, old.bytes != new.bytes {
        throw Violation(description: "\(name) has new bytes")
      }
      if isNewCommit { try judge() }
    }
  }

  private func judgeIntact(_ object: SimulatedObject) {
    if judged.intact.insert(ObjectIdentifier(object)).inserted { judged.kept.append(object) }
  }

  private func require(_ name: String, size: UInt64? = nil, _ why: String) throws {
    guard let object = store.objects[name] else {
      throw Violation(description: "\(name), \(why), is not there")
    }
    needed[name] = object
    guard !judged.intact.contains(ObjectIdentifier(object)) else { return }
    if let digest = ObjectName.digest(of: name), SHA256.digest(object.bytes) != digest {
      throw Violation(description: "\(name), \(why), is damaged")
    }
    if let size, size != UInt64(object.bytes.count) {
      throw Violation(description: "\(name), \(why), has another size")
    }
    judgeIntact(object)
  }

  /// Judges everything that the newest state of the log needs.
  func judge() throws {
    try unlocked.log.refresh()
    let state = unlocked.log.state
    let repository = try IndexedRepository(unlocked)
    let objects = repository.liveObjects
    needed = [:]
    try require(ObjectName.config, "which everybody reads")
    for author in state.liveCredentials {
      if let id = author.credential { try require(ObjectName.credential(id), "a credential") }
    }
    for name in store.objects.keys where name.hasPrefix(ObjectName.commitPrefix) {
      try require(name, "a commit")
    }
    for inventory in state.inventories {
      try require(ObjectName.inventory(inventory), "an inventory that the log names")
    }
    for (pack, size) in objects.packs {
      try require(ObjectName.pack(pack), size: size, "which is live")
    }
    for (segment, size) in objects.indexSegments {
      try require(ObjectName.index(segment), size: size, "which is live")
    }
    for (pack, condemned) in objects.condemnedPacks {
      try require(ObjectName.pack(pack), size: condemned.size, "which is not swept")
    }
    for (segment, condemned) in objects.condemnedSegments {
      try require(ObjectName.index(segment), size: condemned.size, "which is not swept")
    }
    let reader = try repository.makeReader()
    for snapshot in state.snapshotsInOrder {
      try require(ObjectName.snapshot(snapshot.id), "the record of a live snapshot")
      let chunks = try judged.chunks[snapshot.id] ?? restore(snapshot.id, reader)
      judged.chunks[snapshot.id] = chunks
      for chunk in chunks {
        guard let location = repository.index.locate(chunk) else {
          throw Violation(description: "no index knows chunk \(chunk) of snapshot \(snapshot.id)")
        }
        if judged.read.insert(Judged.Place(pack: location.pack, chunk: chunk)).inserted {
          _ = try reader.chunk(chunk)
        }
      }
    }
  }

  /// Reads a snapshot and compares it with the version that was saved; gives the chunks that it needs.
  private func restore(_ id: Digest, _ reader: ChunkReader) throws -> Set<Digest> {
    let record = try unlocked.snapshotRecord(id)
    var chunks: Set<Digest> = Set(record.links).union(record.unfinished)
    var files: [String: [UInt8]] = [:]
    func walk(_ directory: DirectoryContent, _ path: String) throws {
      func fetch(_ node: Digest) throws -> [UInt8] {
        chunks.insert(node)
        return try reader.chunk(node)
      }
      try DirectoryReader.forEachEntry(of: directory.id, fetch: fetch) { raw in
        let entry = try raw.decode()
        let name = path + String(decoding: entry.name, as: UTF8.self)
        switch entry.content {
        case .directory(let content): try walk(content, name + "/")
        case .file(let file):
          var bytes: [UInt8] = []
          try file.forEachChunk(from: reader) {
            chunks.insert($0.address)
            bytes += try reader.chunk($0.address)
          }
          files[name] = bytes
        default: break
        }
      }
    }
    try walk(record.rootDirectory, "")
    guard let version = record.meta["version"].flatMap({ Int($0) }) else {
      throw Violation(description: "the snapshot \(id) does not say what it is of")
    }
    let expected = world.contents[version]
    if record.isPartial { partials += 1 }
    let isWhole =
      record.isPartial
      ? files.allSatisfy { name, bytes in world.contents.contains { $0[name] == bytes } }
      : files == expected
    guard isWhole else {
      throw Violation(description: "the snapshot \(id) is not version \(version)")
    }
    return chunks
  }

  /// Nothing is stored that the log does not name as live; but inventories that nobody came to name are never removed.
  func requireNoGarbage() throws {
    let state = unlocked.log.state
    let objects = try LiveObjects(
      state, storage: SimulatedStorage(OpenGate(store), client: -1))
    for name in store.objects.keys {
      let isLive =
        switch ObjectClass(name) {
        case .pack(let digest): objects.packs[digest] != nil
        case .index(let digest): objects.indexSegments[digest] != nil
        case .snapshot(let digest): state.snapshots[digest] != nil
        case .credential(let digest): state.author(ofCredential: digest)?.removed == nil
        case nil: false
        default: true
        }
      guard isLive else { throw Violation(description: "\(name) is garbage") }
    }
  }
}
