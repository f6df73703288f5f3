// What log entries say about the time, by the word of others than their authors (docs/format.md, section 12).
// Here the checkpoints and tokens are text and bytes; whoever folds the log verifies the checkpoints.

extension LogStatement {
  /// Witnesses have cosigned a checkpoint of this log.
  public struct Cosigning: Equatable, Sendable {
    /// A C2SP checkpoint: the log's signature and at least one more.
    public let checkpoint: String

    public init(checkpoint: String) { self.checkpoint = checkpoint }
  }

  /// A time-stamping authority has signed the time over a checkpoint of this log.
  public struct Anchoring: Equatable, Sendable {
    /// A C2SP checkpoint with the log's signature alone.
    public let checkpoint: String
    /// A DER TimeStampToken (RFC 3161) over the SHA-256 of the checkpoint's bytes.
    public let token: [UInt8]

    public init(checkpoint: String, token: [UInt8]) {
      self.checkpoint = checkpoint
      self.token = token
    }
  }
}

extension LogStatement.Cosigning {
  init(_ json: JSONValue) throws { checkpoint = try json.string("checkpoint") }

  var members: [String: JSONValue] { ["checkpoint": .string(checkpoint)] }
}

extension LogStatement.Anchoring {
  init(_ json: JSONValue) throws {
    checkpoint = try json.string("checkpoint")
    token = try json.base64("token")
    guard !token.isEmpty else { throw VarveError(.damaged, "its token is empty") }
  }

  var members: [String: JSONValue] {
    ["checkpoint": .string(checkpoint), "token": .string(Base64.encode(token))]
  }
}
