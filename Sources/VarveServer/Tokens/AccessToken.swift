// Tokens, and the file that they are kept in.
//
//     the secret       "vst_" and the 64 hexadecimal digits of 256 random bits; shown once, when it is made
//     the file         a line of canonical JSON for each token:
//       created        seconds since 1970-01-01T00:00:00Z
//       expires        the same; the member is missing for a token that does not expire
//       hash           SHA-256 of the secret's text, hexadecimal
//       kind           "read", "append" or "full"
//       label          for people
//       repository     the one that it is good for; ".service" for the operator's service, where "read" looks, and "full"
//                      also starts restores, drills and audits
//
// A token's id is the beginning of its hash, eight digits. One SHA-256 is enough: slow functions are for secrets that can
// be guessed, and 2^256 cannot be tried, however fast each trial is. Who reads the file can use no token with it.

public import VarveCrypto
import VarveFormat
import VarveStorage

/// What the server keeps of a token.
public struct AccessToken: Equatable, Sendable {
  public let label: String
  public let kind: AccessKind
  public let repository: String
  public let created: Int64
  /// Seconds since 1970-01-01T00:00:00Z; nil for never.
  public let expires: Int64?
  let hash: Digest

  /// A token that was just made, with the only copy of its secret.
  public struct New: ~Copyable, Sendable {
    public let token: AccessToken
    public let secret: SecretBytes
  }

  /// In the place of a repository: the token is for the operator's service. No repository can be called so.
  public static let serviceName = ".service"

  private static let prefix = "vst_"
  static let secretByteCount = 68
  private static let labelLimit = 100

  /// The beginning of its hash, by which it is named.
  public var id: String { String(hash.hex.prefix(8)) }

  public func isExpired(at now: Int64) -> Bool { expires.map { now >= $0 } ?? false }

  /// A new token and its secret.
  ///
  /// - Parameters:
  ///   - label: 1 to 100 bytes without control characters.
  ///   - now: seconds since 1970-01-01T00:00:00Z.
  /// - Throws: `VarveError.Code.usage` for a label or repository that cannot be.
  public static func make(
    label: String, kind: AccessKind, repository: String, expires: Int64?, now: Int64
  ) throws -> New {
    guard !label.isEmpty, label.utf8.count <= labelLimit,
      label.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
    else { throw VarveError(.usage, "a label has 1 to \(labelLimit) bytes on one line") }
    guard RepositoryName.isValid(repository) || repository == serviceName else {
      throw RepositoryName.failure(repository)
    }
    let random = SecureRandom.secret(32)
    let secret = SecretBytes(count: secretByteCount) { buffer in
      buffer.copyBytes(from: Array(prefix.utf8))
      random.withUnsafeBytes { bytes in
        for (index, byte) in bytes.enumerated() {
          buffer[4 + 2 * index] = digit(byte >> 4)
          buffer[5 + 2 * index] = digit(byte & 15)
        }
      }
    }
    let token = AccessToken(
      label: label, kind: kind, repository: repository, created: now, expires: expires,
      hash: secret.withUnsafeBytes { SHA256.digest($0) })
    return New(token: token, secret: secret)
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}

extension AccessToken {
  var line: [UInt8] {
    var members: [String: JSONValue] = [
      "created": .integer(created), "hash": .string(hash.hex), "kind": .string(kind.rawValue),
      "label": .string(label), "repository": .string(repository),
    ]
    if let expires { members["expires"] = .integer(expires) }
    return JSONValue.object(members).canonicalBytes() + [UInt8(ascii: "\n")]
  }

  init(line: some Collection<UInt8>, _ what: String) throws {
    let value = try JSONValue(canonical: line, what)
    try value.requireMembers(
      within: ["created", "expires", "hash", "kind", "label", "repository"], what)
    let repository = try value.string("repository")
    guard let kind = AccessKind(rawValue: try value.string("kind")),
      RepositoryName.isValid(repository) || repository == Self.serviceName
    else { throw VarveError(.damaged, "\(what) has a token of no known kind or repository") }
    self.init(
      label: try value.string("label"), kind: kind, repository: repository,
      created: try value.integer("created"), expires: try value.optionalInteger("expires"),
      hash: try value.digest("hash"))
  }
}

/// Names of repositories on a server: one component of an object name, at most 64 bytes.
public enum RepositoryName {
  public static func isValid(_ name: String) -> Bool {
    StorageName.isValid(name) && !name.contains("/") && name.utf8.count <= 64
  }

  static func failure(_ name: String) -> VarveError {
    VarveError(
      .usage, "'\(name)' cannot be the name of a repository on a server",
      hint:
        "take lower-case letters, digits, dots and hyphens, at most 64, and none of the last two in front"
    )
  }
}
