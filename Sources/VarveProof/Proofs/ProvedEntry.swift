public import VarveFormat

/// A log entry that a proof has shown to be in the log: what it says, and which checkpoint has it.
///
/// The log's key vouches for its place. Every writer has that key: that the author said it is shown by the author's signature alone
/// (`requireSigned`). Whether this author was one who may say so is for whoever reads the whole log.
public struct ProvedEntry: Equatable, Sendable {
  public let envelope: DSSEEnvelope
  public let statement: LogStatement
  /// Signed by the log's key.
  public let checkpoint: Checkpoint
  /// The checkpoint with all its signatures.
  public let note: SignedNote

  /// - Parameters:
  ///   - entry: the entry's bytes, a DSSE envelope.
  ///   - key: of the log, from somewhere else than the proof.
  /// - Throws: `VarveError.Code.unproved`, naming the first link that does not hold.
  public init(_ entry: [UInt8], _ proof: LogProof, key: VerifierKey) throws {
    checkpoint = try proof.verify(entry: entry, by: key)
    note = proof.checkpoint
    let what = "entry \(proof.index)"
    do {
      envelope = try DSSEEnvelope(entry, what)
      guard envelope.payloadType == DSSEEnvelope.inToto else {
        throw VarveError(.damaged, "its payload is no in-toto statement")
      }
      statement = try LogStatement(
        envelope.payload, config: try Self.config(envelope.payload, what), what)
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.unproved, "\(what) is not an entry of a Varve log", cause: error)
    }
    guard statement.author == envelope.keyID else {
      throw VarveError(.unproved, "\(what) is signed by another key than its author's")
    }
    guard statement.position.index == proof.index else {
      throw VarveError(
        .unproved, "\(what) says itself that it is entry \(statement.position.index)")
    }
    guard checkpoint.origin == RepositoryConfig.origin(of: statement.repository) else {
      throw VarveError(.unproved, "\(what) is of the repository \(statement.repository)")
    }
  }

  /// Requires that the author's key is this one, and that it made the signature.
  ///
  /// - Throws: `VarveError.Code.unproved`.
  public func requireSigned(by authorKey: [UInt8]) throws {
    guard KeyID(publicKey: authorKey) == envelope.keyID, envelope.isSigned(by: authorKey) else {
      throw VarveError(
        .unproved, "entry \(statement.position.index) is not signed by its author's key")
    }
  }

  /// The digest of `config` where the statement has it as its subject: without the repository nothing else is known of it.
  private static func config(_ payload: [UInt8], _ what: String) throws -> Digest {
    let json = try JSONValue(canonical: payload, what)
    guard let subject = try json.array("subject").first,
      try subject.string("name") == ObjectName.config
    else { return .zero }
    return try subject.member("digest").digest("sha256")
  }
}
