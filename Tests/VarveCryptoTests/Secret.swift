import VarveCrypto

/// A secret in a class, so that tests can capture it.
final class Secret: Sendable {
  let bytes: SecretBytes
  init(_ bytes: [UInt8]) { self.bytes = SecretBytes(copying: bytes) }
}

extension SecretBytes {
  var array: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}
