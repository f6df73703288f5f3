import AsyncHTTPClient

/// What a request can say: for whoever wants to know it before anything is sent.
public enum HTTPForm {
  /// Whether `HTTPExchange` can ask at a URL.
  public static func isURL(_ text: String) -> Bool {
    guard let request = try? HTTPClient.Request(url: text) else { return false }
    return (1...65_535).contains(request.port)
  }

  /// A token (RFC 9110, section 5.1).
  public static func isHeaderName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
  }

  /// Anything but control characters (RFC 9110, section 5.5).
  public static func isHeaderValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 == 0x09 || $0 >= 0x20 && $0 != 0x7f }
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
