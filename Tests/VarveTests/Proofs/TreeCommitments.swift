import Testing
import Varve
import VarveFormat
import VarveRepository

extension UnlockedRepository {
  /// Requires that the entry of every live snapshot commits to its tree, with a salt of its own unless the tree is one that
  /// another record has, and says when the snapshot was taken.
  func expectTreeCommitments(at location: SourceLocation = #_sourceLocation) throws {
    try log.refresh()
    var salts: [Digest: Digest] = [:]
    for row in log.state.snapshotsInOrder {
      let record = try snapshotRecord(row.id)
      guard case .snapshot(let addition) = try log.entry(row.entry).statement.body else {
        throw VarveError(.notFound, "entry \(row.entry) adds no snapshot")
      }
      let salt = try #require(record.treeSalt, sourceLocation: location)
      #expect(addition.tree != nil, sourceLocation: location)
      #expect(addition.tree == record.treeCommitment, sourceLocation: location)
      #expect(
        addition.taken
          == Timestamp(seconds: record.time.seconds, offset: record.time.offset),
        sourceLocation: location)
      #expect(salts[salt] == nil || salts[salt] == record.tree.id, sourceLocation: location)
      salts[salt] = record.tree.id
    }
    #expect(!salts.isEmpty, sourceLocation: location)
  }
}
