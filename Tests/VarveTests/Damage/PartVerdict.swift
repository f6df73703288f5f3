import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

/// What depends on one object, and only that, through the code that reads it: so that a repository can be
/// damaged millions of times. What does not depend on it reads what it always reads.
///
///     config        opening                          credential  unlocking with it
///     commit        the fold that opening makes, entries that are read again
///     checkpoint    opening                          tile        the check of the log
///     segment       opening the index                inventory   reading it, as opening the index does
///     snapshot      reading the record
///     pack          the check of the pack; reading each chunk of the block that was hit
final class PartVerdict {
  private let bench: DamageBench
  private let unlocked: UnlockedRepository
  private let index: ChunkIndex
  private let packs: PackVerification
  private let log: Log
  /// By the size at which a commit was appended.
  private var folds: [UInt64: LogFold] = [:]
  private var blocks: [Digest: [(range: Range<Int>, chunks: [Digest])]] = [:]
  private var keyring: PackKeyring

  init(_ bench: DamageBench) throws {
    self.bench = bench
    unlocked = bench.bench.unlocked
    index = try IndexedRepository(unlocked).index
    packs = try PackVerification(unlocked)
    keyring = try Self.keyring(unlocked, bench.damaged)
    log = try bench.unlock(bench.damaged, bench.bench.client).log
    var fold = LogFold(
      config: unlocked.config, configDigest: unlocked.repository.configDigest)
    while let commit = try? bench.bench.storage.read(ObjectName.commit(fold.head.size)) {
      folds[fold.head.size] = fold
      try fold.append(commit: commit)
    }
    for table in index.list {
      table.forEachRow { row in
        guard let place = table.chunkLocation(row.location) else { return }
        let range = Int(place.offset)..<Int(place.offset) + Int(place.storedLength)
        var known = blocks[place.pack] ?? []
        if let found = known.firstIndex(where: { $0.range == range }) {
          known[found].chunks.append(row.address)
        } else {
          known.append((range, [row.address]))
        }
        blocks[place.pack] = known
      }
    }
  }

  private static func keyring(
    _ unlocked: UnlockedRepository, _ storage: any StorageBackend
  ) throws -> PackKeyring {
    PackKeyring(
      storage: storage, repository: unlocked.config.id, privateKey: try unlocked.keys.dataKey())
  }

  /// - Parameter byte: where the object was damaged.
  /// - Returns: what is wrong with what happened, or nil.
  func judge(_ name: String, at byte: Int, _ tally: inout DamageTally) {
    tally.damages += 1
    let what = "byte \(byte)"
    do {
      let isDetected: Bool
      switch ObjectClass(name) {
      case .config: isDetected = refuses { _ = try Repository.open(storage: bench.damaged) }
      case .credential(let id):
        let number = bench.keyFiles.firstIndex { $0.credential == id }
        isDetected = refuses {
          _ = try Repository.open(storage: bench.damaged).unlock(
            number.map { .keyText(SecretBytes(copying: bench.keyFiles[$0].text)) }
              ?? .password(SecretBytes(copying: Array("password".utf8))),
            client: bench.bench.client)
        }
      case .commit(let size): isDetected = try refuses(commit: size)
      case .checkpoint, .tile:
        isDetected = try log.verifyAll().failures.contains { $0.name == name }
        tally.derived += 1
      case .pack(let pack): isDetected = try judge(pack: pack, name, byte, &tally)
      case .index(let id):
        let size = try bench.bench.storage.size(name) ?? 0
        let cipher = SegmentCipher(
          indexKey: try unlocked.keys.indexKey(), repository: unlocked.config.id)
        let cache = SegmentCache(cipher: cipher, storage: bench.damaged, directory: nil)
        isDetected = refuses { _ = try cache.segment(id, size: size) }
      case .snapshot(let id):
        let damaged = try damagedUnlocked()
        isDetected = refuses { _ = try damaged.snapshotRecord(id) }
      case .inventory(let id):
        isDetected = refuses { _ = try LiveObjects.inventory(id, storage: bench.damaged) }
      case nil: throw VarveError(.notFound, "\(name) is no object")
      }
      if !isDetected { tally.note(undetected: "\(name), \(what)") }
    } catch {
      tally.note(wrong: "\(name), \(what): \(error)")
    }
  }

  private var throughDamage: UnlockedRepository?

  private func damagedUnlocked() throws -> UnlockedRepository {
    if let throughDamage { return throughDamage }
    bench.damaged.heal()
    let opened = try bench.unlock(bench.damaged, bench.bench.client)
    throughDamage = opened
    return opened
  }

  /// Called before the first damage of each object.
  func begin(_ name: String) throws {
    _ = try damagedUnlocked()
    keyring = try Self.keyring(unlocked, bench.damaged)
    if case .pack(let pack) = ObjectClass(name) {
      bench.damaged.heal()
      _ = try keyring.cipher(pack: pack, type: type(of: pack))
    }
  }

  private func type(of pack: Digest) throws -> PackType {
    let address = try #require(blocks[pack]?.first?.chunks.first)
    return try #require(index.locate(address)).type
  }

  private func refuses(_ body: () throws -> Void) -> Bool {
    do {
      try body()
      return false
    } catch let error as VarveError {
      return error.code != .io
    } catch {
      return false
    }
  }

  private func refuses(commit size: UInt64) throws -> Bool {
    let name = ObjectName.commit(size)
    let bytes = try bench.damaged.read(name)
    guard var fold = folds[size] else { return false }
    let isRefused = refuses { try fold.append(commit: bytes) }
    guard isRefused, bytes.count > 2 else { return isRefused }
    // One that has been verified before, and is read again for its entries.
    let entry = size..<size + 1
    let again = folds[size + 1] ?? folds[size + 2]
    var isSame = true
    do {
      try log.forEachEntry(in: entry) { entry in
        if let again, again.tree.leafHash(size) != MerkleHash.leaf(entry.bytes) { isSame = false }
      }
    } catch is VarveError {}
    return isSame && !(again?.endsWith(commit: bytes) ?? false)
  }

  /// The check of the pack must speak; of the block that was hit no chunk may come back as another.
  private func judge(
    pack: Digest, _ name: String, _ byte: Int, _ tally: inout DamageTally
  ) throws -> Bool {
    let own = blocks[pack] ?? []
    let ring = byte < PackHeader.byteCount ? try Self.keyring(unlocked, bench.damaged) : keyring
    let hit =
      own.first { $0.range.contains(byte) } ?? (byte < PackHeader.byteCount ? own.first : nil)
    if let hit {
      let reader = ChunkReader(index: index, storage: bench.damaged, keyring: ring)
      // A block is opened as a whole: its first and its last chunk speak for all.
      for chunk in Set([hit.chunks[0], hit.chunks[hit.chunks.count - 1]])
      where index.locate(chunk)?.pack == pack {
        do {
          let isRight = try reader.withChunk(chunk) { SHA256.digest($0) == chunk }
          tally.note(
            wrong: "\(name), byte \(byte): a chunk was read, \(isRight ? "right" : "wrong")")
        } catch is VarveError {}
      }
    }
    return try packs.damages(of: pack, in: bench.damaged).contains { $0.object == name }
  }
}
