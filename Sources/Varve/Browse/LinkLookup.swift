package import VarveFormat

/// Which paths of a snapshot are names of one file, for looking up.
///
/// Memory: about 150 bytes and the path for each name of a file that has several.
package struct LinkLookup {
  private let groups: [[UInt8]: Int]

  /// Reads the link table of `snapshot`.
  ///
  /// - Throws: `.damaged` and `.missing`.
  package init(_ snapshot: SnapshotRecord, from source: any ChunkSource) throws {
    var groups: [[UInt8]: Int] = [:]
    for (number, group) in try LinkTable.groups(of: snapshot, from: source).enumerated() {
      for path in group { groups[path] = number }
    }
    self.groups = groups
  }

  /// The number of the group that has `path`, which is relative to the snapshot's root.
  package func group(of path: some Collection<UInt8>) -> Int? {
    groups.isEmpty ? nil : groups[Array(path)]
  }
}

extension LinkTable {
  /// The groups in the link table of `snapshot`; none where it has no table.
  ///
  /// - Throws: `.damaged` and `.missing`.
  package static func groups(
    of snapshot: SnapshotRecord, from source: any ChunkSource
  ) throws -> [[[UInt8]]] {
    guard !snapshot.links.isEmpty else { return [] }
    var bytes: [UInt8] = []
    for id in snapshot.links {
      try source.withChunk(id) { bytes.append(contentsOf: $0) }
      guard bytes.count <= LinkTable.byteLimit else {
        throw VarveError(.damaged, "a snapshot's link table is too long")
      }
    }
    return try bytes.withUnsafeBytes { try LinkTable(decoding: $0) }.groups
  }
}
