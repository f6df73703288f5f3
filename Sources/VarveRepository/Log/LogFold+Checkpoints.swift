import VarveFormat
import VarveProof

extension LogFold {
  /// Refuses a `cosign` or `anchor` entry whose checkpoint is not one of this log, signed by its key, of a tree that
  /// the entry's commit stands on. What others have signed over it is for those to judge who trust them.
  ///
  /// - Parameter base: the head on which the commit stands.
  /// - Throws: `VarveError.Code.damaged` when there is no checkpoint in it, `unauthorized`.
  func verifyCheckpoint(
    of statement: LogStatement, on base: TreeHead, _ what: String
  ) throws {
    let text: String
    let isAnchor: Bool
    switch statement.body {
    case .cosign(let cosigning): (text, isAnchor) = (cosigning.checkpoint, false)
    case .anchor(let anchoring): (text, isAnchor) = (anchoring.checkpoint, true)
    default: return
    }
    func refuse(_ reason: String) -> VarveError {
      VarveError(.unauthorized, "\(what) is not allowed: \(reason)")
    }
    let note = try SignedNote(Array(text.utf8), what)
    let key = try VerifierKey(text: state.config.logKey)
    let own = note.signatures.count { $0.name == key.name && $0.keyID == key.keyID }
    guard own == 1, (try? note.verify(by: [key], what)) != nil else {
      throw refuse("its checkpoint is not signed by the log")
    }
    guard isAnchor ? note.signatures.count == 1 : note.signatures.count > 1 else {
      throw refuse(
        isAnchor ? "its checkpoint has more than the log's signature" : "nobody has cosigned")
    }
    let checkpoint = try Checkpoint(text: note.text, what)
    guard checkpoint.origin == state.config.origin else {
      throw refuse("its checkpoint is another log's")
    }
    let head = checkpoint.head
    guard head.size <= base.size, tree.root(atSize: head.size) == head.root else {
      throw refuse("its checkpoint is not one that this log ever had")
    }
  }
}
