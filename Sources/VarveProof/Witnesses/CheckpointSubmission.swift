public import VarveFormat

/// The body of a request that a witness cosign a checkpoint (c2sp.org/tlog-witness, add-checkpoint):
///
/// ```
/// old <size>                      the size that the witness cosigned last, 0 if it never did
/// <base64 of a hash>              the consistency proof from that size, at most 63 lines
///                                 an empty line
/// <the checkpoint, a signed note>
/// ```
public struct CheckpointSubmission: Equatable, Sendable {
  /// Larger requests are refused: a proof and a note of some hundred signatures fit.
  public static let largestByteCount = 64 << 10
  public static let proofLimit = 63
  /// Of the answer that says which size the witness has cosigned.
  public static let sizeContentType = "text/x.tlog.size"

  public let oldSize: UInt64
  public let proof: [Digest]
  public let note: SignedNote

  public init(oldSize: UInt64, proof: [Digest], note: SignedNote) {
    self.oldSize = oldSize
    self.proof = proof
    self.note = note
  }

  /// Parses a request.
  ///
  /// - Throws: `VarveError.Code.damaged`. O(n).
  public init(_ bytes: [UInt8]) throws {
    let what = "the submitted checkpoint"
    let newline = UInt8(ascii: "\n")
    guard bytes.count <= Self.largestByteCount,
      let end = bytes.indices.dropLast().first(where: {
        bytes[$0] == newline && bytes[$0 + 1] == newline
      })
    else { throw VarveError(.damaged, "the request has no checkpoint") }
    let lines = bytes[..<end].split(separator: newline, omittingEmptySubsequences: false)
    let first = String(decoding: lines[0], as: UTF8.self)
    guard first.hasPrefix("old "), let size = Self.size(first.dropFirst(4)) else {
      throw VarveError(.damaged, "the request does not start with an old size")
    }
    guard lines.count - 1 <= Self.proofLimit else {
      throw VarveError(.damaged, "the proof has more than \(Self.proofLimit) lines")
    }
    oldSize = size
    proof = try lines.dropFirst().map { line in
      guard let bytes = Base64.decode(String(decoding: line, as: UTF8.self)),
        let hash = Digest(bytes)
      else { throw VarveError(.damaged, "a line of the proof is no hash") }
      return hash
    }
    note = try SignedNote(Array(bytes[(end + 2)...]), what)
  }

  /// The request's bytes.
  public var bytes: [UInt8] {
    var text = "old \(oldSize)\n"
    for hash in proof { text += Base64.encode(hash.bytes) + "\n" }
    return Array(text.utf8) + [UInt8(ascii: "\n")] + note.bytes
  }

  /// A size in decimal without leading zeros, or nil.
  public static func size(_ text: some StringProtocol) -> UInt64? {
    guard let size = UInt64(text), String(size) == text else { return nil }
    return size
  }
}
