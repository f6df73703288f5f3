import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// A real repository in memory, with snapshots of trees that tests describe.
struct MemoryRepository {
  let storage = MemoryStorage()
  let unlocked: UnlockedRepository

  init(directory: ScratchDirectory) throws {
    let secret = CredentialSecret.password(SecretBytes(copying: Array("secret".utf8)))
    var options = InitOptions()
    options.passwordCost = .least
    unlocked = try Repository.initialize(
      storage: storage, secret: secret, options: options,
      client: ClientDirectories(
        cache: nil, state: String(decoding: directory.path, as: UTF8.self) + "/state"))
  }

  /// Stores what `chunks` has and commits `record`; gives the snapshot's id.
  func add(_ record: SnapshotRecord, _ chunks: MemoryChunks) throws -> Digest {
    let store = try IndexedRepository(unlocked).makeStore(
      level: .auto, verifies: true, storage: storage)
    let writer = try store.makeWriter()
    for (id, chunk) in chunks.chunks.sorted(by: { $0.key < $1.key }) {
      let padded = [UInt8](repeating: 0, count: BlockAssembler.headroom) + chunk
      var copy = padded
      try copy.withUnsafeMutableBytes { bytes in
        let chunk = UnsafeRawBufferPointer(rebasing: bytes[BlockAssembler.headroom...])
        if chunks.contents.contains(id) {
          _ = try writer.addData(chunkWithHeadroom: chunk)
        } else {
          _ = try writer.addTree(chunk)
        }
      }
    }
    try writer.flush()
    let added = try store.finish(by: writer)
    let object = try unlocked.seal(record)
    let id = SHA256.digest(object)
    try object.withUnsafeBytes { try storage.put(ObjectName.snapshot(id), $0) }
    _ = try unlocked.log.append { _ in
      [.snapshot(LogStatement.SnapshotAddition(snapshot: id, additions: .listed(added)))]
    }
    return id
  }
}
