public import VarveFormat
public import VarveProof

/// One entry of a log.
public struct LogEntry: Sendable {
  public static let largestByteCount = 61_440
  /// Entries in a commit.
  public static let commitLimit = 255

  public let index: UInt64
  /// What the leaf of the Merkle tree is hashed from.
  public let bytes: [UInt8]
  public let envelope: DSSEEnvelope
  public let statement: LogStatement

  /// Parses an entry without looking at its signature.
  ///
  /// - Parameter isVerified: whether these bytes were found canonical before.
  /// - Throws: `VarveError.Code.damaged`, or `unsupportedFormat`.
  init(
    _ bytes: [UInt8], index: UInt64, config: Digest, isVerified: Bool = false, _ what: String
  ) throws {
    guard (1...Self.largestByteCount).contains(bytes.count) else {
      throw VarveError(.damaged, "\(what) is damaged: it has \(bytes.count) bytes")
    }
    self.index = index
    self.bytes = bytes
    envelope = try DSSEEnvelope(bytes, isVerified: isVerified, what)
    guard envelope.payloadType == DSSEEnvelope.inToto else {
      throw VarveError(.damaged, "\(what) is damaged: its payload is no in-toto statement")
    }
    statement = try LogStatement(
      envelope.payload, config: config, isVerified: isVerified, what)
    guard statement.author == envelope.keyID else {
      throw VarveError(.damaged, "\(what) is damaged: its author is not the one who signed it")
    }
  }
}
