// How a place on an SSH server is written; restic's two forms, so that a location can be taken over as it is.
//
//     sftp:[user@]host:path              path from the login directory, or from the root when it starts with a slash
//     sftp://[user@]host[:port]/path     the slash after the host ends the host: sftp://host/a/b is a/b in the login
//                                        directory, sftp://host//a/b is /a/b; "%20" stands for a byte
//
// Passwords are not taken; so that none is used as a path, the first form's has no @ before its first slash ("./a@b" is one).
// An IPv6 address stands in brackets. The host may be an alias from ~/.ssh/config.

import VarveFormat

/// A directory on an SSH server.
public struct SFTPLocation: Hashable, Sendable {
  public let user: String?
  public let host: String
  /// Nil for ssh's own choice.
  public let port: UInt16?
  /// Without a slash at its end, unless it is the root. What does not start with a slash lies in the login directory.
  public let path: String

  /// Whether `text` is meant to be a place on an SSH server.
  public static func isLocation(_ text: String) -> Bool { text.hasPrefix("sftp:") }

  /// - Throws: `VarveError.Code.usage` for what is not of the forms above.
  public init(_ text: String) throws {
    guard Self.isLocation(text) else { throw Self.refusal(text, "it does not start with sftp:") }
    let rest = text.dropFirst("sftp:".count)
    let isAddress = rest.hasPrefix("//")
    let authority: Substring
    var path: String
    if isAddress {
      let body = rest.dropFirst(2)
      guard let slash = body.firstIndex(of: "/") else { throw Self.refusal(text, "it has no path") }
      authority = body[..<slash]
      guard let decoded = Self.percentDecoded(body[slash...].dropFirst()) else {
        throw Self.refusal(text, "its path has a % without two hexadecimal digits, or is no text")
      }
      path = decoded
    } else {
      let start = rest.firstIndex(of: "]") ?? rest.startIndex
      guard let colon = rest[start...].firstIndex(of: ":") else {
        throw Self.refusal(text, "it has no colon between host and path")
      }
      authority = rest[..<colon]
      path = String(rest[rest.index(after: colon)...])
    }
    let (user, name) = Self.splitUser(authority)
    guard user?.contains(":") != true else { throw Self.refusal(text, "passwords are not taken") }
    // Of sftp:user:secret@host:path the first colon would make a host of the user, and a path of the password.
    guard isAddress || !Self.hasAtFirst(path) else {
      throw Self.refusal(
        text, "passwords are not taken; a path with an @ before its first slash begins with ./")
    }
    (host, port) = try Self.hostAndPort(name, hasPort: isAddress, text)
    self.user = user.map(String.init)
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    for part in [host, self.user ?? "u", path] {
      guard part.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
        throw Self.refusal("sftp:", "it has control characters in it")
      }
    }
    for part in [host, self.user ?? "u"] {
      guard !part.isEmpty, !part.hasPrefix("-"), !part.contains(" ") else {
        throw Self.refusal(text, "it has no possible host or user")
      }
    }
    guard !path.isEmpty, path.utf8.count <= 3_000 else {
      throw Self.refusal(text, path.isEmpty ? "it has no path" : "its path is too long")
    }
    self.path = path
  }

  /// The form that `init` reads as the same place.
  public var text: String {
    let user = user.map { "\($0)@" } ?? ""
    let host = host.contains(":") ? "[\(host)]" : host
    guard port != nil || Self.hasAtFirst(path) else { return "sftp:\(user)\(host):\(path)" }
    return "sftp://\(user)\(host)\(port.map { ":\($0)" } ?? "")/\(Self.percentEncoded(path))"
  }

  /// Whether an @ stands before the first slash.
  private static func hasAtFirst(_ path: String) -> Bool {
    path.prefix { $0 != "/" }.contains("@")
  }

  private static func splitUser(_ authority: Substring) -> (user: Substring?, host: Substring) {
    // The last one: a user's name may have an @ in it.
    guard let at = authority.lastIndex(of: "@") else { return (nil, authority) }
    return (authority[..<at], authority[authority.index(after: at)...])
  }

  private static func hostAndPort(
    _ name: Substring, hasPort: Bool, _ text: String
  ) throws -> (String, UInt16?) {
    var host = name
    var digits: Substring?
    if name.hasPrefix("[") {
      guard let end = name.firstIndex(of: "]") else { throw refusal(text, "a bracket is missing") }
      host = name[name.index(after: name.startIndex)..<end]
      let after = name[name.index(after: end)...]
      guard after.isEmpty || (hasPort && after.hasPrefix(":")) else {
        throw refusal(text, "something follows the host's bracket")
      }
      digits = after.isEmpty ? nil : after.dropFirst()
    } else if hasPort, let colon = name.firstIndex(of: ":") {
      host = name[..<colon]
      digits = name[name.index(after: colon)...]
    }
    guard let digits else { return (String(host), nil) }
    guard let port = UInt16(digits), port > 0, digits.allSatisfy(\.isNumber) else {
      throw refusal(text, "its port is no number from 1 to 65535")
    }
    return (String(host), port)
  }

  private static func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexadecimal),
        let low = rest.popFirst().flatMap(hexadecimal)
      else { return nil }
      bytes.append(high << 4 | low)
    }
    let decoded = String(decoding: bytes, as: UTF8.self)
    return decoded.utf8.elementsEqual(bytes) ? decoded : nil
  }

  private static func percentEncoded(_ path: String) -> String { path.replacing("%", with: "%25") }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
  }

  private static func refusal(_ text: String, _ why: String) -> VarveError {
    VarveError(
      .usage, "'\(text.replacingPassword)' names no place on an SSH server: \(why)",
      hint: "write sftp:user@host:/path, or sftp://user@host:port//path")
  }
}

extension String {
  /// For messages: where a colon stands before the last @, what is between them may be a password.
  fileprivate var replacingPassword: String {
    let scheme = ["sftp://", "sftp:"].first { hasPrefix($0) } ?? ""
    let rest = dropFirst(scheme.count)
    guard let at = rest.lastIndex(of: "@"), rest[..<at].contains(":") else { return self }
    return "\(scheme)…\(rest[at...])"
  }
}
