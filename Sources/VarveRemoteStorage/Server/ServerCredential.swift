public import VarveCrypto
import VarveFormat

/// The secret of a server's token, as long as a client needs it.
public final class ServerCredential: Sendable {
  private let secret: SecretBytes

  /// - Parameter secret: white space around it does not count.
  /// - Throws: `VarveError.Code.usage` for what cannot be a token, without saying what it is.
  public init(_ secret: consuming SecretBytes) throws {
    let bytes = secret
    let range = bytes.withUnsafeBytes { bytes -> Range<Int> in
      let start = bytes.firstIndex { $0 > 32 } ?? bytes.count
      let end = bytes.lastIndex { $0 > 32 }.map { $0 + 1 } ?? start
      return start..<end
    }
    let isToken = bytes.withUnsafeBytes { bytes in
      range.count <= 512 && bytes[range].allSatisfy { (33...126).contains($0) }
    }
    guard isToken, !range.isEmpty else {
      throw VarveError(
        .usage, "what is given as the server's token is none",
        hint: "give what 'varve server-token add' printed: vst_ and 64 digits")
    }
    self.secret = bytes.withUnsafeBytes { bytes in
      SecretBytes(copying: UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
  }

  /// What `Authorization` says. The network stack keeps copies of it that are not zeroed.
  var authorization: String {
    secret.withUnsafeBytes { "Bearer " + String(decoding: $0, as: UTF8.self) }
  }
}
