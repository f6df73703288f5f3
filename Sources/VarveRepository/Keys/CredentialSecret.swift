public import VarveCrypto
import VarveFormat

/// What a user has to unlock a repository with.
public enum CredentialSecret: ~Copyable, Sendable {
  /// The password's bytes as typed, without a line end.
  case password(SecretBytes)
  /// The text of a key file or of a recovery key, as read.
  case keyText(SecretBytes)

  public var isPassword: Bool {
    switch self {
    case .password: true
    case .keyText: false
    }
  }
}

/// What an unlocking password costs: scrypt (RFC 7914) with r = 8, which takes 1024 · n bytes of memory.
public struct PasswordCost: Equatable, Sendable {
  /// A power of two, 2^14 to 2^20.
  public let n: Int
  /// 1 to 16.
  public let p: Int

  /// 128 MiB, a third of a second or so.
  public static let standard = PasswordCost(unchecked: 1 << 17, 1)
  /// The least that the format allows: 16 MiB. For tests.
  public static let least = PasswordCost(unchecked: 1 << 14, 1)

  /// - Throws: `VarveError.Code.usage` when out of bounds.
  public init(n: Int, p: Int = 1) throws {
    guard CredentialObject.KeyDerivation.costs.contains(n), n & (n - 1) == 0,
      CredentialObject.KeyDerivation.parallelizations.contains(p)
    else {
      throw VarveError(
        .usage, "a password cost of n = \(n), p = \(p) is not possible",
        hint: "n is a power of two from 16,384 to 1,048,576, p is 1 to 16")
    }
    self.init(unchecked: n, p)
  }

  /// The cost that takes so much memory.
  ///
  /// - Parameter memory: bytes, a power of two from 16 MiB to 1 GiB.
  /// - Throws: `VarveError.Code.usage` for any other.
  public init(memory: UInt64) throws {
    let n = Int(clamping: memory / 1024)
    guard memory & (memory &- 1) == 0, CredentialObject.KeyDerivation.costs.contains(n) else {
      throw VarveError(
        .usage, "unlocking with a password cannot take \(memory) bytes of memory",
        hint: "a power of two from 16M to 1G; the more, the dearer is each guess")
    }
    self.init(unchecked: n, 1)
  }

  /// Nil where no password opens the credential.
  init?(of credential: CredentialObject) {
    guard case .scrypt(let n, let p, _) = credential.keyDerivation else { return nil }
    self.init(unchecked: n, p)
  }

  private init(unchecked n: Int, _ p: Int) {
    self.n = n
    self.p = p
  }
}
