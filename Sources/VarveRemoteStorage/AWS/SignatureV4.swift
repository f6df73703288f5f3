// AWS Signature Version 4, as S3 wants it (docs.aws.amazon.com/AmazonS3/latest/API, "Signature Calculations for
// the Authorization Header"):
//
//     canonical request   method, path, query, headers, names of headers, digest of the body; parted by line feeds
//       path              percent-encoded once, never normalised
//       query             name=value, both encoded, ascending by name, then value
//       headers           name:value, names in lower case and ascending, runs of white space in values one space
//     string to sign      "AWS4-HMAC-SHA256", time, scope, digest of the canonical request
//     scope               date/region/service/aws4_request
//     signature           HMAC(HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request"), string)
//
// The digest of the body is always that of its bytes, so that the server refuses a body that changed on its way.

import VarveCrypto
public import VarveFormat

/// Signs requests of one service in one region.
public struct SignatureV4: Sendable {
  /// A request before it is signed: nothing in it is encoded yet.
  public struct Request: Sendable {
    public var method: String
    /// Host and, unless it is the scheme's own, port, as the `host` header has it.
    public var host: String
    /// Begins with a slash.
    public var path: String
    public var query: [(name: String, value: String)]
    public var headers: [(name: String, value: String)]
    /// The SHA-256 of the body.
    public var payload: Digest

    public init(
      method: String, host: String, path: String, query: [(name: String, value: String)] = [],
      headers: [(name: String, value: String)] = [], payload: Digest
    ) {
      self.method = method
      self.host = host
      self.path = path
      self.query = query
      self.headers = headers
      self.payload = payload
    }

    /// Path and query as they are sent.
    public var target: String {
      let path = PercentEncoding.encode(path, keepsSlashes: true)
      return query.isEmpty ? path : "\(path)?\(SignatureV4.canonicalQuery(query))"
    }
  }

  public let region: String
  public let service: String

  public init(region: String, service: String = "s3") {
    self.region = region
    self.service = service
  }

  /// The headers of a request with those that sign it: `x-amz-date`, `x-amz-content-sha256`, `authorization`, and
  /// `x-amz-security-token` for temporary credentials. O(bytes of the head).
  ///
  /// - Parameter time: now; the server refuses what is off by more than 15 minutes.
  public func sign(
    _ request: Request, with credentials: AWSCredentials, at time: Timestamp
  ) -> [(name: String, value: String)] {
    let stamp = Self.stamp(time)
    var headers = request.headers
    headers.append(("x-amz-content-sha256", request.payload.hex))
    headers.append(("x-amz-date", stamp))
    if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
    let (lines, names) = Self.canonicalHeaders(headers + [("host", request.host)])
    let canonical = [
      request.method, PercentEncoding.encode(request.path, keepsSlashes: true),
      Self.canonicalQuery(request.query), lines, names, request.payload.hex,
    ].joined(separator: "\n")
    let scope = "\(stamp.prefix(8))/\(region)/\(service)/aws4_request"
    let text = [
      "AWS4-HMAC-SHA256", stamp, scope, SHA256.digest(Array(canonical.utf8)).hex,
    ].joined(separator: "\n")
    let signature = signingKey(credentials, date: String(stamp.prefix(8)))
      .authenticate(Array(text.utf8))
    headers.append(
      (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), "
          + "SignedHeaders=\(names), Signature=\(signature.hex)"
      ))
    return headers
  }

  private func signingKey(_ credentials: AWSCredentials, date: String) -> HMACSHA256 {
    let prefix = Array("AWS4".utf8)
    let secret = credentials.secretAccessKey.withUnsafeBytes { secret in
      SecretBytes(count: prefix.count + secret.count) { buffer in
        buffer.copyBytes(from: prefix)
        UnsafeMutableRawBufferPointer(rebasing: buffer[prefix.count...])
          .copyMemory(from: secret)
      }
    }
    return [date, region, service, "aws4_request"].reduce(HMACSHA256(key: secret)) { key, part in
      HMACSHA256(key: key.authenticate(Array(part.utf8)))
    }
  }

  /// `20260301T110000Z`.
  static func stamp(_ time: Timestamp) -> String {
    time.utcSeconds.filter { $0 != "-" && $0 != ":" }
  }

  static func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
    query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
      .sorted { $0 < $1 }
      .map { "\($0)=\($1)" }.joined(separator: "&")
  }

  /// One line a name, each with a line feed; and the names, parted by semicolons.
  private static func canonicalHeaders(
    _ headers: [(name: String, value: String)]
  ) -> (lines: String, names: String) {
    var values: [String: [String]] = [:]
    for header in headers {
      let words = header.value.utf8.split(whereSeparator: Self.isWhiteSpace)
        .map { String(Substring($0)) }
      values[header.name.lowercased(), default: []].append(words.joined(separator: " "))
    }
    let names = values.keys.sorted()
    let lines = names.map { "\($0):\((values[$0] ?? []).joined(separator: ","))\n" }.joined()
    return (lines, names.joined(separator: ";"))
  }

  private static func isWhiteSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (9...13).contains(byte)
  }
}
