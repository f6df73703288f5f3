import Varve
import VarveFormat

/// Snapshots put together by host, paths or tags, in the order in which each group first occurs.
struct SnapshotGroups {
  struct Key: Hashable {
    var host: [UInt8]?
    var paths: [[UInt8]]?
    var tags: [String]?
  }

  struct Group {
    let key: Key
    var snapshots: [ChosenSnapshot]
  }

  private(set) var groups: [Group] = []

  init(_ snapshots: [ChosenSnapshot], by grouping: GroupByArgument) {
    var positions: [Key: Int] = [:]
    for snapshot in snapshots {
      let record = snapshot.record
      let key = Key(
        host: grouping.host ? record.host : nil, paths: grouping.paths ? record.paths : nil,
        tags: grouping.tags ? record.tags.sorted() : nil)
      if let position = positions[key] {
        groups[position].snapshots.append(snapshot)
      } else {
        positions[key] = groups.count
        groups.append(Group(key: key, snapshots: [snapshot]))
      }
    }
  }
}
