import VarveCrypto
public import VarveFormat

/// A witness's statement that, at a time, a checkpoint was of the largest tree that it had seen of the log
/// and consistent with all before (c2sp.org/tlog-cosignature, Ed25519):
///
/// ```
/// signature line := "— " witness " " base64(u32 key id, u64 time, 64 bytes of Ed25519), big-endian
/// signed         := "cosignature/v1\n" "time " decimal "\n" the text of the checkpoint's note
/// ```
public struct Cosignature: Equatable, Sendable {
  /// Times that a cosignature may state: from the first second after the epoch to the end of the year 9999.
  /// Zero means that the witness states none.
  public static let times: ClosedRange<Int64> = 1...253_402_300_799

  static let byteCount = 8 + Ed25519.signatureByteCount

  public let witness: WitnessKey
  public let time: Timestamp

  static func message(_ text: String, at time: Int64) -> [UInt8] {
    Array("cosignature/v1\ntime \(time)\n\(text)".utf8)
  }

  /// Verifies a signature line over the text of a note.
  ///
  /// - Returns: nil unless it is the witness's and states a time.
  init?(_ signature: SignedNote.Signature, by witness: WitnessKey, over text: String) {
    guard signature.bytes.count == Self.byteCount else { return nil }
    let seconds = signature.bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let seconds = Int64(exactly: seconds), Self.times.contains(seconds),
      Ed25519.verify(
        signature: Array(signature.bytes[8...]), message: Self.message(text, at: seconds),
        publicKey: witness.publicKey)
    else { return nil }
    self.witness = witness
    time = Timestamp(seconds: seconds)
  }
}

extension SignedNote {
  /// The cosignatures that the note bears of `witnesses`, in the order of their lines. Signatures by
  /// anybody else are ignored.
  ///
  /// - Throws: `VarveError.Code.damaged` when a line that names one of the witnesses does not verify.
  public func cosignatures(by witnesses: [WitnessKey], _ what: String) throws -> [Cosignature] {
    var cosignatures: [Cosignature] = []
    for signature in signatures {
      guard let witness = witnesses.first(where: { $0.isNamed(by: signature) }) else { continue }
      guard let cosignature = Cosignature(signature, by: witness, over: text) else {
        throw VarveError(
          .damaged, "\(what) is damaged: the cosignature of \(witness.name) is not valid")
      }
      cosignatures.append(cosignature)
    }
    return cosignatures
  }
}
