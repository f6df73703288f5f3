public import VarveFormat

/// A C2SP tlog-proof: shows, to whoever knows the log's key, that an entry is in a log (c2sp.org/tlog-proof).
///
/// ```
/// c2sp.org/tlog-proof@v1
/// [extra <base64>]
/// index <decimal>
/// <base64 of a hash>        the audit path, from the leaf's sibling to the root's child; any number of lines
///
/// <checkpoint, a signed note>
/// ```
/// Of an entry that is shown by itself `extra` is its author's key, 32 bytes: with it the signature is verified, too.
///
/// Nothing of it is to be believed before `verify`. There is one spelling: what parses encodes to the same bytes.
public struct LogProof: Equatable, Sendable {
  static let title = "c2sp.org/tlog-proof@v1"
  /// The longest proof, in bytes.
  public static let largestByteCount = 2 << 20
  /// A tree of 2^64 leaves has no longer path.
  static let longestPath = 64

  /// The entry's index.
  public let index: UInt64
  /// Leaf to root.
  public let path: [Digest]
  /// Opaque, and authenticated by nothing.
  public let extra: [UInt8]?
  public let checkpoint: SignedNote

  public init(index: UInt64, path: [Digest], extra: [UInt8]? = nil, checkpoint: SignedNote) {
    self.index = index
    self.path = path
    self.extra = extra
    self.checkpoint = checkpoint
  }

  /// Parses a proof.
  ///
  /// - Parameter what: names it in errors.
  /// - Throws: `VarveError.Code.damaged`. O(n).
  public init(_ bytes: [UInt8], _ what: String) throws {
    func fail(_ reason: String) -> VarveError {
      VarveError(.damaged, "\(what) is damaged: \(reason)")
    }
    let newline = UInt8(ascii: "\n")
    guard bytes.count <= Self.largestByteCount else { throw fail("it is too long") }
    guard
      let separator = bytes.indices.dropLast().first(where: {
        bytes[$0] == newline && bytes[$0 + 1] == newline
      })
    else { throw fail("it has no checkpoint") }
    var lines = bytes[..<separator].split(separator: newline, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }[...]
    guard lines.popFirst() == Self.title else { throw fail("it does not begin as a log proof") }
    if let line = lines.first, line.hasPrefix("extra ") {
      guard let bytes = Base64.decode(String(line.dropFirst(6))) else {
        throw fail("its extra data is not base64")
      }
      extra = bytes
      lines.removeFirst()
    } else {
      extra = nil
    }
    guard let line = lines.popFirst(), line.hasPrefix("index "),
      let index = UInt64(line.dropFirst(6)), "index \(index)" == line
    else { throw fail("it has no index") }
    guard lines.count <= Self.longestPath else { throw fail("its path is too long") }
    self.index = index
    path = try lines.map { line in
      guard let hash = Base64.decode(line).flatMap({ Digest($0) }) else {
        throw fail("a line of its path is not a hash")
      }
      return hash
    }
    checkpoint = try SignedNote(Array(bytes[(separator + 2)...]), what)
    _ = try Checkpoint(text: checkpoint.text, what)
    guard self.bytes == bytes else { throw fail("it is not spelled as it must be") }
  }

  /// The same proof with the key of the entry's author, or another extra.
  public func with(extra: [UInt8]?) -> LogProof {
    LogProof(index: index, path: path, extra: extra, checkpoint: checkpoint)
  }

  /// As stored. O(n).
  public var bytes: [UInt8] {
    var lines = [Self.title]
    if let extra { lines.append("extra " + Base64.encode(extra)) }
    lines.append("index \(index)")
    lines += path.map { Base64.encode($0.bytes) }
    return Array((lines.joined(separator: "\n") + "\n\n").utf8) + checkpoint.bytes
  }

  /// Requires that `entry` is in the log whose checkpoints `key` signs, at `index`.
  ///
  /// - Returns: the checkpoint that shows it.
  /// - Throws: `VarveError.Code.unproved`, naming the first link that does not hold.
  public func verify(entry: [UInt8], by key: VerifierKey) throws -> Checkpoint {
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(
        note: self.checkpoint.bytes, signedBy: key, origin: key.name, "the checkpoint of the proof")
    } catch let error as VarveError {
      throw VarveError(
        .unproved, "the checkpoint of the proof is not one of the log \(key.name)", cause: error)
    }
    guard index < checkpoint.head.size else {
      throw VarveError(
        .unproved,
        "entry \(index) is not in the log that the checkpoint signs, which has "
          + "\(checkpoint.head.size)")
    }
    guard
      MerkleProof.verifyInclusion(
        of: MerkleHash.leaf(entry), index: index, in: checkpoint.head, proof: path)
    else {
      throw VarveError(
        .unproved,
        "the entry is not entry \(index) of the log of \(checkpoint.head.size) that the checkpoint signs"
      )
    }
    return checkpoint
  }
}
