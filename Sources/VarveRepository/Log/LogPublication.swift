import Synchronization
import VarveFormat
public import VarveProof

extension Log {
  /// Writes the complete static view of the log, as C2SP tlog-tiles describes it, into a local
  /// directory: `checkpoint`, `tile/<level>/…` and `tile/entries/…`, full and partial.
  ///
  /// Files that are there and right are left alone. The checkpoint is replaced last: at any moment
  /// the directory serves a whole log. O(entries).
  ///
  /// - Returns: the head that the checkpoint signs: the newest when the log key is unlocked,
  ///   otherwise that of the stored checkpoint.
  /// - Throws: `VarveError.Code.notFound` when there is neither; `io`; what reading throws.
  public func publish(to directory: String) throws -> TreeHead {
    try advancing.withLock { _ in
      let fold = content.withLock { $0.fold }
      let head: TreeHead
      let note: [UInt8]
      if let signer = author?.checkpointSigner {
        head = fold.head
        note = try signer.sign(head)
      } else if let checkpoint = try readCheckpoint(),
        let stored = try readIfPresent(ObjectName.checkpoint)
      {
        try verify(checkpoint, against: fold)
        head = checkpoint.head
        note = stored
      } else {
        throw VarveError(
          .notFound, "there is no \(ObjectName.checkpoint), and no key to sign one",
          hint: "unlock the repository as an owner or writer")
      }
      for tile in Tile.completed(from: 0, to: head.size) + Tile.partial(atSize: head.size) {
        try replace("\(directory)/\(tile.path)", try bytes(of: tile, fold))
      }
      try replace("\(directory)/checkpoint", note)
      return head
    }
  }

  private func replace(_ path: String, _ bytes: [UInt8]) throws {
    guard try FileWriting.read(path) != bytes else { return }
    if let slash = path.lastIndex(of: "/") {
      try FileWriting.makeDirectory(String(path[..<slash]), mode: 0o755)
    }
    try FileWriting.replace(path, with: bytes, mode: 0o644)
  }
}
