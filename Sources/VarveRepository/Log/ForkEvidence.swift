import VarveCrypto
import VarveFormat
public import VarveProof

/// Two heads that a log has signed and that cannot both be right, kept for whoever has to find out why.
///
/// The file is text: a line of what it is, the checkpoint of this client's log, a line of dashes, the other checkpoint.
/// Both have the log's signature, so that anybody can verify them with the log's key alone.
public struct ForkEvidence: Sendable {
  private let ours: SignedNote
  private let theirs: SignedNote
  /// From whom the other one came.
  private let source: String

  public init(ours: SignedNote, theirs: SignedNote, source: String) {
    self.ours = ours
    self.theirs = theirs
    self.source = source
  }

  package var bytes: [UInt8] {
    Array("Two heads of one log, both signed by it. The first is of this repository.\n".utf8)
      + ours.bytes + Array("\n--- \(source)\n".utf8) + theirs.bytes
  }
}

extension Log {
  /// Keeps evidence in this client's state directory.
  ///
  /// - Returns: the path of the file.
  /// - Throws: `VarveError.Code.io`.
  public func keep(_ evidence: ForkEvidence) throws -> String {
    try clientState.keep(evidence.bytes)
  }
}

extension ClientState {
  /// Writes the file, whose name is of its content: the same evidence is kept once.
  fileprivate func keep(_ evidence: [UInt8]) throws -> String {
    try FileWriting.makeDirectory(directory, mode: 0o700)
    let path = "\(directory)/fork-\(SHA256.digest(evidence).hex.prefix(16)).txt"
    try FileWriting.replace(path, with: evidence, mode: 0o600)
    return path
  }
}
