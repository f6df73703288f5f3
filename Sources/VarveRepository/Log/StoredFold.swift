// What a log folds to, kept beside the client's copy of the log (`<state>/<RID>/fold`), so that opening
// a repository need not parse every entry again:
//
//     fold     := "VARVEFLD" version:u32(1) reserved:u32 config:digest size:u64 root:digest copy:u64
//                 counts level* start* snapshot* forgotten* listed* inventory:digest* author* check*
//                 sum:digest
//     counts   := commits:u64 snapshots:u64 forgotten:u64 listed:u64 inventories:u64 authors:u64 checks:u64
//     level    := digest*           of level k, size >> k hashes: the Merkle tree (MerkleTree)
//     start    := u64               the size at which a commit was appended
//     snapshot := id:digest entry:u64 author:2*u64 time:s64 flags:u64 parent:digest original:digest
//                                   (136 bytes; flags: 1 has a parent, 2 has an original)
//     forgotten := id:digest entry:u64
//     listed   := digest u64        the size; the top bit says that it is an index segment
//     author   := key-id:2*u64 public-key:32 bytes role:u8 flags:u8 added:u64 credential:digest
//                 removed:u64 newest:u64                    (flags: 1 credential, 2 removed, 4 newest)
//     check    := entry:u64 author:2*u64 time:s64 started:s64 damaged:u8 scope count:uvarint
//                 (name svarint)* count:uvarint name*       (names: uvarint length, UTF-8)
//
// Integers are little-endian; `sum` is the SHA-256 of everything before it. It is state like the
// remembered head beside it, and as little secret; whoever can write one can write the other. It
// counts only where it leads to that head: its own Merkle tree, continued with the commits that the
// copy of the log has from byte `copy` on, must have the remembered root at the remembered size
// (`Log.rememberedFold`). Then storage is asked as ever: for the newest commit of it, whose entries
// must be the leaves, and for the next. So a fold can make opening faster and nothing else; one that
// is damaged, of another repository, older or newer than the head, is passed over.
//
// About 350 bytes a commit. It is written anew after `step` entries, which cost 28 µs each to parse.

import VarveCrypto
import VarveFormat
import VarveProof

package enum StoredFold {
  /// Entries after which the fold is worth storing again.
  static let step: UInt64 = 256

  static let magic: [UInt8] = Array("VARVEFLD".utf8)
  static let version: UInt32 = 1
  static let snapshotLength = 136
  static let hasParent: UInt64 = 1
  static let hasOriginal: UInt64 = 2
  static let indexSegment: UInt64 = 1 << 63
  static let hasCredential: UInt8 = 1
  static let isRemoved: UInt8 = 2
  static let hasNewest: UInt8 = 4

  /// The file's bytes. O(entries).
  package static func encode(_ fold: LogFold) -> [UInt8] {
    let state = fold.state
    let snapshots = state.snapshots.inOrder
    let head = fold.head
    var writer = ByteWriter(
      reservingCapacity: 4_096 + 72 * Int(head.size) + snapshotLength * snapshots.count
        + 40 * (state.forgotten.count + state.listedObjects.items.count))
    writer.raw(magic)
    writer.u32(version)
    writer.u32(0)
    writer.digest(fold.config)
    writer.u64(head.size)
    writer.digest(head.root)
    writer.u64(fold.copyByteCount)
    for count in [
      fold.commitStarts.count, snapshots.count, state.forgotten.count,
      state.listedObjects.items.count, state.inventories.count, state.authors.count,
      state.checks.count,
    ] { writer.u64(UInt64(count)) }
    for level in fold.tree.levels { for hash in level { writer.digest(hash) } }
    for start in fold.commitStarts { writer.u64(start) }
    for snapshot in snapshots { write(snapshot, to: &writer) }
    for (id, entry) in state.forgotten.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
      writer.digest(id)
      writer.u64(entry)
    }
    for item in state.listedObjects.items {
      writer.digest(item.digest)
      writer.u64(item.size | (item.isIndexSegment ? indexSegment : 0))
    }
    for inventory in state.inventories { writer.digest(inventory) }
    for author in state.authors.values.sorted(by: { $0.keyID.words < $1.keyID.words }) {
      write(author, to: &writer)
    }
    for check in state.checks { write(check, to: &writer) }
    writer.digest(SHA256.digest(writer.bytes))
    return writer.bytes
  }

  private static func write(_ key: KeyID, to writer: inout ByteWriter) {
    writer.u64(key.words.0)
    writer.u64(key.words.1)
  }

  private static func write(_ snapshot: LogState.Snapshot, to writer: inout ByteWriter) {
    writer.digest(snapshot.id)
    writer.u64(snapshot.entry)
    write(snapshot.author, to: &writer)
    writer.u64(UInt64(bitPattern: snapshot.time.seconds))
    writer.u64(
      (snapshot.parent == nil ? 0 : hasParent) | (snapshot.original == nil ? 0 : hasOriginal))
    writer.digest(snapshot.parent ?? .zero)
    writer.digest(snapshot.original ?? .zero)
  }

  private static func write(_ author: LogState.Author, to writer: inout ByteWriter) {
    write(author.keyID, to: &writer)
    writer.raw(author.publicKey)
    writer.u8(UInt8(truncatingIfNeeded: Role.allCases.firstIndex(of: author.role) ?? 0))
    writer.u8(
      (author.credential == nil ? 0 : hasCredential) | (author.removed == nil ? 0 : isRemoved)
        | (author.newestEntry == nil ? 0 : hasNewest))
    writer.u64(author.added)
    writer.digest(author.credential ?? .zero)
    writer.u64(author.removed ?? 0)
    writer.u64(author.newestEntry ?? 0)
  }

  private static func write(_ check: LogState.Check, to writer: inout ByteWriter) {
    writer.u64(check.entry)
    write(check.author, to: &writer)
    writer.u64(UInt64(bitPattern: check.time.seconds))
    writer.u64(UInt64(bitPattern: check.result.started.seconds))
    writer.u8(check.result.isDamaged ? 1 : 0)
    writer.lengthPrefixed(Array(check.result.scope.utf8))
    writer.uvarint(check.result.counts.count)
    for (name, count) in check.result.counts.sorted(by: { $0.key < $1.key }) {
      writer.lengthPrefixed(Array(name.utf8))
      writer.svarint(count)
    }
    writer.uvarint(check.result.damaged.count)
    for name in check.result.damaged { writer.lengthPrefixed(Array(name.utf8)) }
  }
}
