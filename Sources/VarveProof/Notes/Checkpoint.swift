import VarveFormat

/// The text of a C2SP tlog-checkpoint: the origin, the tree size in decimal, the root hash in
/// base64, each on its line, then any extension lines (c2sp.org/tlog-checkpoint).
public struct Checkpoint: Equatable, Sendable {
  public let origin: String
  public let head: TreeHead
  /// Lines that are not empty, without their newlines.
  public let extensions: [String]

  public init(origin: String, head: TreeHead, extensions: [String] = []) {
    self.origin = origin
    self.head = head
    self.extensions = extensions
  }

  /// Parses the text of a note whose signatures the caller has verified.
  ///
  /// - Throws: `VarveError.Code.damaged`.
  public init(text: String, _ what: String) throws {
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: Array($0), as: UTF8.self) }
    // The text ends in a newline, so the last piece is empty.
    guard lines.count >= 4, lines.last == "", lines.dropLast().allSatisfy({ !$0.isEmpty }),
      let size = UInt64(lines[1]), String(size) == lines[1],
      let root = Base64.decode(lines[2]).flatMap({ Digest($0) })
    else { throw VarveError(.damaged, "\(what) is damaged: it is not a checkpoint") }
    self.init(
      origin: lines[0], head: TreeHead(size: size, root: root),
      extensions: Array(lines[3..<lines.count - 1]))
  }

  /// Parses the text of a note, signatures and all; none of them is verified.
  ///
  /// - Throws: `VarveError.Code.damaged`.
  package init(note text: String, _ what: String) throws {
    try self.init(text: try SignedNote(Array(text.utf8), what).text, what)
  }

  /// Parses a stored checkpoint and verifies that `key` signed it for the log `origin`.
  ///
  /// - Throws: `VarveError.Code.damaged`.
  public init(note bytes: [UInt8], signedBy key: VerifierKey, origin: String, _ what: String) throws
  {
    let note = try SignedNote(bytes, what)
    try note.verify(by: [key], what)
    try self.init(text: note.text, what)
    guard self.origin == origin else {
      throw VarveError(.damaged, "\(what) is damaged: it belongs to another log")
    }
  }

  /// Ends in a newline.
  public var text: String {
    ([origin, String(head.size), Base64.encode(head.root.bytes)] + extensions)
      .map { $0 + "\n" }.joined()
  }

  public func signed(by signer: borrowing NoteSigner) throws -> SignedNote {
    try SignedNote(signing: text, with: signer)
  }
}
