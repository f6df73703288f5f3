import VarveFormat

/// Where a repository is in S3, as users write it:
///
/// ```
/// s3:https://host[:port]/bucket[/prefix]      any service; also http://
/// s3:host[:port]/bucket[/prefix]              the same over https
/// s3://bucket[/prefix]                        AWS, in the region of the environment or the profile
/// ```
public struct S3Location: Equatable, Sendable {
  public enum Endpoint: Equatable, Sendable {
    /// AWS itself: the host follows from bucket and region.
    case aws
    case service(isSecure: Bool, host: String, port: UInt16?)
  }

  public let endpoint: Endpoint
  public let bucket: String
  /// What stands before each object's name: empty, or ending in a slash.
  public let prefix: String

  static let scheme = "s3:"

  /// Whether `text` means a repository in S3.
  public static func isMeant(by text: String) -> Bool { text.hasPrefix(scheme) }

  /// - Throws: `VarveError.Code.usage` for what is none of the forms above.
  public init(_ text: String) throws {
    func fail(_ reason: String) -> VarveError {
      // Some write keys before an @.
      let shown = text.contains("@") ? "the location" : "'\(ByteText.printable(text))'"
      return VarveError(
        .usage, "\(shown) is no place in S3: \(reason)",
        hint: "write s3:https://host/bucket/prefix, or s3://bucket/prefix for AWS; "
          + "keys come from the environment or the shared AWS files")
    }
    guard text.hasPrefix(Self.scheme) else { throw fail("it does not begin with s3:") }
    var rest = text.dropFirst(Self.scheme.count)
    if rest.hasPrefix("//") {
      endpoint = .aws
      rest = rest.dropFirst(2)
    } else {
      guard let (found, length) = Self.parseEndpoint(rest) else {
        throw fail("it names no host, or a port that is none")
      }
      endpoint = found
      rest = rest.dropFirst(length + 1)
    }
    let bucket = rest.prefix { $0 != "/" }
    guard Self.isBucket(bucket) else { throw fail("it names no bucket") }
    self.bucket = String(bucket)
    let components = rest.dropFirst(bucket.count).split(separator: "/")
    guard
      components.allSatisfy({
        $0 != "." && $0 != ".." && !$0.utf8.contains { $0 < 0x20 || $0 == 0x7f }
      })
    else { throw fail("its prefix has '.', '..' or control characters") }
    prefix = components.map { $0 + "/" }.joined()
    guard prefix.utf8.count <= 512 else { throw fail("its prefix is longer than 512 bytes") }
  }

  /// A service by its URL, without a bucket.
  ///
  /// - Throws: `VarveError.Code.usage` for anything else.
  static func endpoint(_ url: String) throws -> Endpoint {
    let text = url.hasSuffix("/") ? url.dropLast() : Substring(url)
    guard text.hasPrefix("http"), let (found, length) = parseEndpoint(text), length == text.count
    else {
      throw VarveError(
        .usage,
        "the endpoint URL of the environment or the AWS profile is no http:// or https:// URL of a host",
        hint: "look at AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and endpoint_url")
    }
    return found
  }

  /// - Returns: the service, and how many characters name it.
  private static func parseEndpoint(_ text: Substring) -> (Endpoint, Int)? {
    var isSecure = true
    var schemeLength = 0
    if text.hasPrefix("https://") {
      schemeLength = 8
    } else if text.hasPrefix("http://") {
      schemeLength = 7
      isSecure = false
    }
    let authority = text.dropFirst(schemeLength).prefix { $0 != "/" }
    guard let (host, port) = hostAndPort(authority) else { return nil }
    return (
      .service(isSecure: isSecure, host: host, port: port), schemeLength + authority.count
    )
  }

  private static func hostAndPort(_ text: Substring) -> (String, UInt16?)? {
    var host = text
    var port: UInt16?
    // An address of IPv6 stands in brackets.
    let colon =
      text.hasPrefix("[")
      ? text.lastIndex(of: "]").map { text.index(after: $0) }.flatMap {
        $0 < text.endIndex ? $0 : nil
      }
      : text.lastIndex(of: ":")
    if let colon {
      guard text[colon] == ":", let number = UInt16(text[text.index(after: colon)...]), number > 0
      else { return nil }
      host = text[..<colon]
      port = number
    }
    let isAddress = host.hasPrefix("[") && host.hasSuffix("]")
    let name = isAddress ? host.dropFirst().dropLast() : host
    let isHost =
      !name.isEmpty
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
          UInt8(ascii: "_"):
          true
        case UInt8(ascii: ":"): isAddress
        default: false
        }
      }
    return isHost ? (String(host), port) : nil
  }

  /// Letters, digits, dots, hyphens and, as older buckets have them, underscores; 3 to 255 of them.
  private static func isBucket(_ text: Substring) -> Bool {
    (3...255).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
          UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// Whether a bucket can be one label of a host's name, as under a wildcard certificate it has to be.
  static func isHostLabel(_ bucket: String) -> Bool {
    bucket.utf8.count <= 63 && !bucket.hasPrefix("-") && !bucket.hasSuffix("-")
      && bucket.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// The region that a host of AWS has in its name: `s3.eu-central-1.amazonaws.com`.
  package var regionOfHost: String? {
    guard case .service(_, let host, _) = endpoint else { return nil }
    let labels = host.lowercased().split(separator: ".").map(String.init)
    guard let provider = labels.lastIndex(of: "amazonaws"), provider >= 2 else { return nil }
    let region = labels[provider - 1]
    return region != "s3" && S3Region.isValid(region) ? region : nil
  }
}

extension S3Location: CustomStringConvertible {
  public var description: String {
    let path = bucket + "/" + prefix
    let text =
      switch endpoint {
      case .aws: "s3://\(path)"
      case .service(let isSecure, let host, let port):
        "s3:\(isSecure ? "https" : "http")://\(host)\(port.map { ":\($0)" } ?? "")/\(path)"
      }
    return String(text.dropLast())
  }
}
