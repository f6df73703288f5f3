package import VarveCrypto

/// A password that the environment gave, from where it has been taken out.
package final class PasswordVariable: Sendable {
  private let bytes: SecretBytes

  package init(_ name: String) {
    var taken = SecretBytes(copying: [])
    _ = SecretEnvironment.take(name) { taken = SecretBytes(copying: $0) }
    bytes = taken
  }

  /// Nil when there was none, or an empty one.
  package func secret() -> SecretBytes? {
    bytes.count > 0 ? bytes.withUnsafeBytes { SecretBytes(copying: $0) } : nil
  }
}
