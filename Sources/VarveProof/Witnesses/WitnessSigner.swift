public import VarveCrypto
import VarveFormat

/// The private key of a witness.
///
/// As text, which is kept in a file that nobody else can read:
/// `PRIVATE+KEY+<name>+<8 hexadecimal digits of key id>+<base64 of 0x04 and the seed>`.
public struct WitnessSigner: ~Copyable, Sendable {
  public let key: WitnessKey
  private let signingKey: Ed25519SigningKey

  private static let prefix = Array("PRIVATE+KEY+".utf8)
  /// The signature type and the seed: a multiple of 3, so that base64 pads nothing.
  private static let payloadCount = 33

  /// - Throws: `VarveError.Code.usage` for a malformed name, `damaged` when the seed has not 32 bytes.
  public init(name: String, seed: borrowing SecretBytes) throws {
    let signingKey = try Ed25519SigningKey(seed: seed)
    key = try WitnessKey(name: name, publicKey: signingKey.publicKey)
    self.signingKey = signingKey
  }

  /// Reads the text, with or without a newline at its end.
  ///
  /// - Throws: `VarveError.Code.damaged` for anything else.
  public init(text: borrowing SecretBytes, _ what: String) throws {
    var name = ""
    var keyID = ""
    var isRead = false
    let payload = SecretBytes(count: Self.payloadCount) { out in
      text.withUnsafeBytes { bytes in
        let line = bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...]
        guard line.starts(with: Self.prefix) else { return }
        let fields = line.dropFirst(Self.prefix.count)
          .split(separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3, fields[2].count == Base64.encodedCount(Self.payloadCount),
          Base64.decode(UnsafeRawBufferPointer(rebasing: fields[2]), into: out)
            == Self.payloadCount,
          out[0] == VerifierKeyText.SignatureType.cosignature.rawValue
        else { return }
        name = String(decoding: fields[0], as: UTF8.self)
        keyID = String(decoding: fields[1], as: UTF8.self)
        isRead = true
      }
    }
    let seed = payload.withUnsafeBytes {
      SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0.dropFirst()))
    }
    guard isRead, VerifierKeyText.isName(name) else { throw Self.malformed(what) }
    let signer = try WitnessSigner(name: name, seed: seed)
    guard signer.key.keyIDText == keyID else { throw Self.malformed(what) }
    self = signer
  }

  private static func malformed(_ what: String) -> VarveError {
    VarveError(.damaged, "\(what) is damaged: it is no private key of a witness")
  }

  /// The text of a key, with a newline at its end.
  ///
  /// - Throws: as `init(name:seed:)`.
  public static func text(name: String, seed: borrowing SecretBytes) throws -> SecretBytes {
    let keyID = try WitnessSigner(name: name, seed: seed).key.keyIDText
    let start = prefix + Array("\(name)+\(keyID)+".utf8)
    let payload = SecretBytes(count: payloadCount) { out in
      out[0] = VerifierKeyText.SignatureType.cosignature.rawValue
      seed.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: out[1...]).copyMemory(from: $0)
      }
    }
    let count = start.count + Base64.encodedCount(payloadCount) + 1
    return SecretBytes(count: count) { out in
      out.copyBytes(from: start)
      payload.withUnsafeBytes {
        Base64.encode($0, into: UnsafeMutableRawBufferPointer(rebasing: out[start.count...]))
      }
      out[count - 1] = UInt8(ascii: "\n")
    }
  }

  /// The cosignature over a checkpoint at a time.
  ///
  /// - Parameters:
  ///   - text: of the checkpoint's note.
  ///   - time: seconds since 1970-01-01T00:00:00Z, in `Cosignature.times`.
  /// - Throws: `VarveError.Code.usage` for another time.
  public borrowing func cosign(_ text: String, at time: Int64) throws -> SignedNote.Signature {
    guard Cosignature.times.contains(time) else {
      throw VarveError(.usage, "\(time) is no time at which a checkpoint can be cosigned")
    }
    let bigEndian = (0..<8).map { UInt8(truncatingIfNeeded: time >> Int64(56 - 8 * $0)) }
    return SignedNote.Signature(
      name: key.name, keyID: key.keyID,
      bytes: bigEndian + (try signingKey.sign(Cosignature.message(text, at: time))))
  }
}
