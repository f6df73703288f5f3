// What a log folds to, kept beside the client's copy of the log (`<state>/<RID>/fold`), so that opening
// a repository need not parse every entry again:
//
//     fold      := "VARVEFLD" version:u32(5) reserved:u32 config:digest size:u64 root:digest copy:u64
//                  counts level* start* tag:digest* snapshot* forgotten* listed* added* author* check*
//                  hold* policy* condemnation* loss* repack* receipt* proposal* attestation* newest:u64
//                  threshold:u64 sum:digest
//     counts    := commits snapshots forgotten tags listed inventories authors checks holds policies
//                  condemnations losses repacks receipts proposals attestations (u64 each)
//     level     := digest*          of level k, size >> k hashes: the Merkle tree (MerkleTree)
//     start     := u64              the size at which a commit was appended
//     tag       := digest           the tags of the snapshots, then of the forgotten ones, in order
//     snapshot  := id:digest entry:u64 author:2*u64 time:s64 flags:u32 tags:u32 parent:digest
//                  original:digest source:digest
//                      (168 bytes; flags: 1 parent, 2 original, 4 source, 8 partial; tags: how many)
//     forgotten := snapshot origin                                   (200 bytes)
//     listed    := digest u64 entry:u64       the size; the top bit says that it is an index segment
//     added     := inventory:digest entry:u64
//     newest    := the newest condemn or lost entry and one; 0 when there is none
//
// and rows of other lengths, in which origin is `entry:u64 author:2*u64 time:s64`, as StoredFoldRows.swift
// has them.
//
// Integers are little-endian; `sum` is the SHA-256 of everything before it. It is state like the
// remembered head beside it, and as little secret; whoever can write one can write the other. It
// counts only where it leads to that head: its own Merkle tree, continued with the commits that the
// copy of the log has from byte `copy` on, must have the remembered root at the remembered size
// (`Log.rememberedFold`). Then storage is asked as ever: for the newest commit of it, whose entries
// must be the leaves, and for the next. So a fold can make opening faster and nothing else; one that
// is damaged, of another repository, older or newer than the head, is passed over.
//
// About 400 bytes a commit. It is written anew after `step` entries, which cost 28 µs each to parse.

import VarveCrypto
import VarveFormat
import VarveProof

package enum StoredFold {
  /// Entries after which the fold is worth storing again.
  static let step: UInt64 = 256

  static let magic: [UInt8] = Array("VARVEFLD".utf8)
  static let version: UInt32 = 5
  static let snapshotLength = 168
  static let originLength = 32
  static let hasParent: UInt32 = 1
  static let hasOriginal: UInt32 = 2
  static let hasSource: UInt32 = 4
  static let isPartial: UInt32 = 8

  /// The file's bytes. O(entries).
  package static func encode(_ fold: LogFold) -> [UInt8] {
    let state = fold.state
    let snapshots = state.snapshots.inOrder
    let forgotten = state.forgotten.values.sorted {
      ($0.entry, $0.snapshot.id) < ($1.entry, $1.snapshot.id)
    }
    let listed = state.listedObjects.items
    let tagCount =
      snapshots.reduce(0) { $0 + $1.tags.count }
      + forgotten.reduce(0) { $0 + $1.snapshot.tags.count }
    let head = fold.head
    var writer = ByteWriter(
      reservingCapacity: 4_096 + 72 * Int(head.size) + snapshotLength * snapshots.count
        + (snapshotLength + originLength) * forgotten.count + 48 * listed.count + 32 * tagCount)
    writer.raw(magic)
    writer.u32(version)
    writer.u32(0)
    writer.digest(fold.config)
    writer.u64(head.size)
    writer.digest(head.root)
    writer.u64(fold.copyByteCount)
    for count in [
      fold.commitStarts.count, snapshots.count, forgotten.count, tagCount, listed.count,
      state.addedInventories.count, state.authors.count, state.checks.count, state.holds.count,
      state.policies.count + (state.defaultPolicy == nil ? 0 : 1), state.condemnations.count,
      state.losses.count, state.repacks.count, state.receipts.count, state.proposals.count,
      state.attestations.count,
    ] { writer.u64(UInt64(count)) }
    for level in fold.tree.levels { for hash in level { writer.digest(hash) } }
    for start in fold.commitStarts { writer.u64(start) }
    for snapshot in snapshots { for tag in snapshot.tags { writer.digest(tag) } }
    for row in forgotten { for tag in row.snapshot.tags { writer.digest(tag) } }
    for snapshot in snapshots { write(snapshot, to: &writer) }
    for row in forgotten {
      write(row.snapshot, to: &writer)
      writer.origin(row.entry, row.author, row.time)
    }
    for item in listed {
      writer.digest(item.digest)
      writer.u64(item.sizeAndKind)
      writer.u64(item.entry)
    }
    for inventory in state.addedInventories {
      writer.digest(inventory.digest)
      writer.u64(inventory.entry)
    }
    writeRows(state, to: &writer)
    writer.u64(state.newestCondemnation.map { $0 + 1 } ?? 0)
    writer.u64(state.threshold)
    writer.digest(SHA256.digest(writer.bytes))
    return writer.bytes
  }

  private static func write(_ snapshot: LogState.Snapshot, to writer: inout ByteWriter) {
    writer.digest(snapshot.id)
    writer.origin(snapshot.entry, snapshot.author, snapshot.time)
    var flags: UInt32 = snapshot.isPartial ? isPartial : 0
    if snapshot.parent != nil { flags |= hasParent }
    if snapshot.original != nil { flags |= hasOriginal }
    if snapshot.source != nil { flags |= hasSource }
    writer.u32(flags)
    writer.u32(UInt32(truncatingIfNeeded: snapshot.tags.count))
    writer.digest(snapshot.parent ?? .zero)
    writer.digest(snapshot.original ?? .zero)
    writer.digest(snapshot.source ?? .zero)
  }

  private static func writeRows(_ state: LogState, to writer: inout ByteWriter) {
    for author in state.authors.values.sorted(by: { $0.keyID.words < $1.keyID.words }) {
      author.write(to: &writer)
    }
    for check in state.checks { check.write(to: &writer) }
    for (snapshot, hold) in state.holds.sorted(by: { $0.key < $1.key }) {
      writer.digest(snapshot)
      hold.write(to: &writer)
    }
    if let policy = state.defaultPolicy {
      writer.u8(0)
      policy.write(to: &writer)
    }
    for (source, policy) in state.policies.sorted(by: { $0.key < $1.key }) {
      writer.u8(1)
      writer.digest(source)
      policy.write(to: &writer)
    }
    for condemnation in state.condemnations.values.sorted(by: { $0.entry < $1.entry }) {
      condemnation.write(to: &writer)
    }
    for loss in state.losses { loss.write(to: &writer) }
    for repack in state.repacks { repack.write(to: &writer) }
    for receipt in state.receipts { receipt.write(to: &writer) }
    for proposal in state.proposals.values.sorted(by: { $0.entry < $1.entry }) {
      proposal.write(to: &writer)
    }
    for attestation in state.attestations { attestation.write(to: &writer) }
  }
}
