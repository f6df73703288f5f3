import VarveFormat
import VarveStorage

/// Where a repository is on one of Varve's servers: `varve+https://host:port/repository`, or `varve+http://…` for one
/// that is reached without encryption.
public struct ServerLocation: Equatable, Sendable {
  public static let defaultPort = 8443

  public let isEncrypted: Bool
  /// A name or an IPv4 address, or an IPv6 address in brackets.
  public let host: String
  public let port: Int
  public let repository: String

  /// Whether `text` begins as such a location does.
  public static func describes(_ text: String) -> Bool {
    text.hasPrefix("varve+https://") || text.hasPrefix("varve+http://")
  }

  /// - Throws: `VarveError.Code.usage`.
  public init(_ text: String) throws {
    func failure(_ what: String) -> VarveError {
      VarveError(
        .usage, "'\(Self.withoutUser(text))' is no repository on a server: \(what)",
        hint: "write varve+https://host:\(Self.defaultPort)/repository")
    }
    let rest: Substring
    if text.hasPrefix("varve+https://") {
      isEncrypted = true
      rest = text.dropFirst("varve+https://".count)
    } else if text.hasPrefix("varve+http://") {
      isEncrypted = false
      rest = text.dropFirst("varve+http://".count)
    } else {
      throw failure("it does not begin with varve+https://")
    }
    let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let authority = parts.first, parts.count == 2 else {
      throw failure("it names no repository")
    }
    guard !authority.contains("@") else {
      throw failure("a token is given with --server-token-file, never in the address")
    }
    let repository = parts[1].hasSuffix("/") ? parts[1].dropLast() : parts[1]
    guard StorageName.isValid(String(repository)), !repository.contains("/"),
      repository.utf8.count <= 64
    else {
      throw failure("a repository's name has lower-case letters, digits, dots and hyphens only")
    }
    guard let (host, port) = Self.split(authority) else { throw failure("it names no host") }
    self.host = host
    self.port = port
    self.repository = String(repository)
  }

  private static func split(_ authority: Substring) -> (host: String, port: Int)? {
    var host = authority
    var port = defaultPort
    let isBracketed = authority.hasPrefix("[")
    if let colon = authority.lastIndex(of: ":"), !isBracketed || !authority.hasSuffix("]") {
      guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
        return nil
      }
      port = Int(number)
      host = authority[..<colon]
    }
    let address = isBracketed ? host.dropFirst().dropLast() : host
    guard !address.isEmpty, !isBracketed || host.hasSuffix("]"),
      address.utf8.allSatisfy({ isHostByte($0) || (isBracketed && $0 == UInt8(ascii: ":")) })
    else { return nil }
    return (String(host), port)
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Without what stands before an @: whoever wrote a secret there should not see it again.
  private static func withoutUser(_ text: String) -> String {
    guard let at = text.lastIndex(of: "@"), let start = text.firstRange(of: "://")?.upperBound,
      start <= at
    else { return text }
    return text[..<start] + "…" + text[at...]
  }

  /// As it was given, for messages.
  public var text: String {
    "varve+\(isEncrypted ? "https" : "http")://\(host):\(port)/\(repository)"
  }

  /// Of the repository, with a slash at its end.
  var url: String {
    "\(isEncrypted ? "https" : "http")://\(host):\(port)/v1/\(repository)/"
  }
}
