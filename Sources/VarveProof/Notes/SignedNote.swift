import VarveFormat

/// A C2SP signed note (c2sp.org/signed-note): text and signatures over it.
///
/// ```
/// <text, one or more lines>
///
/// — <key name> <base64 of u32 key id, big-endian, and the signature>
/// ```
///
/// The text ends in a newline, which belongs to it; the empty line does not. The note is UTF-8
/// without control characters other than newline. Nothing of the text is to be believed before
/// `verify`.
public struct SignedNote: Equatable, Sendable {
  public struct Signature: Equatable, Sendable {
    public let name: String
    public let keyID: UInt32
    public let bytes: [UInt8]

    public init(name: String, keyID: UInt32, bytes: [UInt8]) {
      self.name = name
      self.keyID = keyID
      self.bytes = bytes
    }

    /// The line of a note, with its newline.
    public var line: [UInt8] {
      let id = (0..<4).map { UInt8(truncatingIfNeeded: keyID >> UInt32(24 - 8 * $0)) }
      return SignedNote.linePrefix + Array("\(name) \(Base64.encode(id + bytes))\n".utf8)
    }
  }

  /// Larger notes and notes with more signatures are refused.
  public static let largestByteCount = 1 << 20
  public static let largestSignatureCount = 100

  /// Ends in a newline.
  public let text: String
  public let signatures: [Signature]

  /// Signs `text`, which must end in a newline and have no other control characters.
  public init(signing text: String, with signer: borrowing NoteSigner) throws {
    guard text.utf8.last == UInt8(ascii: "\n"),
      text.utf8.allSatisfy({ $0 >= 0x20 || $0 == UInt8(ascii: "\n") })
    else { throw VarveError(.usage, "the text of a note must be lines without control characters") }
    self.text = text
    signatures = [
      Signature(
        name: signer.verifierKey.name, keyID: signer.verifierKey.keyID,
        bytes: try signer.sign(Array(text.utf8)))
    ]
  }

  /// Parses a note.
  ///
  /// - Parameter what: names the object in errors.
  /// - Throws: `VarveError.Code.damaged`. O(n).
  public init(_ bytes: [UInt8], _ what: String) throws {
    func fail(_ reason: String) -> VarveError {
      VarveError(.damaged, "\(what) is damaged: \(reason)")
    }
    let newline = UInt8(ascii: "\n")
    guard bytes.count <= Self.largestByteCount else { throw fail("the note is too long") }
    guard bytes.allSatisfy({ $0 >= 0x20 || $0 == newline }),
      String(validating: bytes, as: UTF8.self) != nil
    else { throw fail("the note is not plain UTF-8 text") }
    guard
      let separator = bytes.indices.dropLast().last(where: {
        bytes[$0] == newline && bytes[$0 + 1] == newline
      }), bytes.last == newline, separator + 2 < bytes.count
    else { throw fail("the note has no signatures") }
    text = String(decoding: bytes[...separator], as: UTF8.self)
    signatures = try bytes[(separator + 2)...].dropLast()
      .split(separator: newline, omittingEmptySubsequences: false)
      .map { line in
        guard let signature = Self.signature(line) else {
          throw fail("the note has a malformed signature line")
        }
        return signature
      }
    guard signatures.count <= Self.largestSignatureCount else {
      throw fail("the note has too many signatures")
    }
  }

  private init(text: String, signatures: [Signature]) {
    self.text = text
    self.signatures = signatures
  }

  /// The same text with more signatures; those that it has already are passed over.
  public func adding(_ more: some Sequence<Signature>) -> SignedNote {
    var all = signatures
    for signature in more where !all.contains(signature) { all.append(signature) }
    return SignedNote(text: text, signatures: all)
  }

  /// The same text with the signatures that `isWanted` says.
  public func filtered(_ isWanted: (Signature) -> Bool) -> SignedNote {
    SignedNote(text: text, signatures: signatures.filter(isWanted))
  }

  static let linePrefix = Array("— ".utf8)

  private static func signature(_ line: ArraySlice<UInt8>) -> Signature? {
    guard line.starts(with: linePrefix) else { return nil }
    let fields = line.dropFirst(linePrefix.count)
      .split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard fields.count == 2 else { return nil }
    let name = String(decoding: fields[0], as: UTF8.self)
    guard VerifierKeyText.isName(name),
      let bytes = Base64.decode(String(decoding: fields[1], as: UTF8.self)), bytes.count > 4
    else { return nil }
    let keyID = bytes[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return Signature(name: name, keyID: keyID, bytes: Array(bytes[4...]))
  }

  /// The note as stored. O(n).
  public var bytes: [UInt8] {
    var out = Array(text.utf8)
    out.append(UInt8(ascii: "\n"))
    for signature in signatures { out.append(contentsOf: signature.line) }
    return out
  }

  /// The keys among `keys` whose signature the note bears. Signatures of unknown keys are ignored.
  ///
  /// - Throws: `VarveError.Code.damaged` when a signature that names one of the keys does not
  ///   verify, or when none of them signed.
  @discardableResult
  public func verify(by keys: [VerifierKey], _ what: String) throws -> [VerifierKey] {
    var verified: [VerifierKey] = []
    for signature in signatures {
      guard
        let key = keys.first(where: {
          $0.name.utf8.elementsEqual(signature.name.utf8) && $0.keyID == signature.keyID
        })
      else { continue }
      guard key.verify(signature.bytes, over: Array(text.utf8)) else {
        throw VarveError(.damaged, "\(what) is damaged: the signature of \(key.name) is not valid")
      }
      if !verified.contains(key) { verified.append(key) }
    }
    guard !verified.isEmpty else {
      throw VarveError(
        .damaged,
        "\(what) is damaged: it is not signed by \(keys.map(\.name).joined(separator: ", "))")
    }
    return verified
  }
}
