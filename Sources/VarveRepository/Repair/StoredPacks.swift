internal import VarveFormat
internal import VarveStorage

extension IndexedRepository {
  /// Requires that every live pack is there, of its size, and in the index: then a chunk that the index does not know is
  /// nowhere.
  ///
  /// - Throws: `.damaged` or `.missing`, naming a pack; `.io`.
  package func requireEveryPackIsIndexed() throws {
    let hint =
      "run 'varve repair index' first, which saves what is still there and says in the log what is lost"
    if let failure = failures.first {
      throw VarveError(failure.code, "the index is not whole", hint: hint, cause: failure)
    }
    var listed: Set<Digest> = []
    for table in index.list {
      for number in 0..<table.packCount { listed.insert(try table.pack(at: number).name) }
    }
    var stored: [Digest: UInt64] = [:]
    try storage.list(ObjectName.packPrefix) { name, size in
      if let digest = ObjectName.digest(of: name) { stored[digest] = size }
    }
    for (pack, size) in liveObjects.packs.sorted(by: { $0.key < $1.key }) {
      let name = ObjectName.pack(pack)
      guard let found = try stored[pack] ?? storage.size(name) else {
        throw VarveError(.missing, "\(name) is not there", hint: hint)
      }
      guard found == size else {
        throw VarveError(
          .damaged, "\(name) has \(found) bytes; the log says \(size)", hint: hint)
      }
      guard listed.contains(pack) else {
        throw VarveError(.damaged, "no index segment lists \(name)", hint: hint)
      }
    }
  }
}
