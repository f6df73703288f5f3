import Synchronization
import VarveCrypto
import VarveFormat

/// Signed requests to one bucket. What says that the bucket is in another region is followed there, once a request.
final class S3Service: Sendable {
  /// A request about an object, or about the bucket.
  struct Call: Sendable {
    var method: String
    /// Nil for the bucket itself.
    var key: String?
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    /// The SHA-256 of the body.
    var payload = SHA256.digest([])
    /// Bytes.
    var largestAnswer = S3Document.byteLimit

    init(_ method: String, key: String?) {
      self.method = method
      self.key = key
    }
  }

  typealias Answer = HTTPExchange.Answer

  private let place: S3Location
  private let endpoint: S3Location.Endpoint
  private let addressing: S3Storage.Addressing
  private let credentials: any AWSCredentialProvider
  private let region: Mutex<String>
  private let exchange: HTTPExchange

  /// - Parameter endpoint: where requests go, whatever the location says.
  init(
    _ place: S3Location, endpoint: S3Location.Endpoint, credentials: any AWSCredentialProvider,
    options: S3Storage.Options
  ) throws {
    self.place = place
    self.endpoint = endpoint
    self.credentials = credentials
    addressing = options.addressing
    region = Mutex(options.region ?? S3Region.usual)
    exchange = try HTTPExchange(options.exchange)
  }

  /// Sends a request and waits for the whole answer.
  ///
  /// - Parameters:
  ///   - accepting: statuses that are no failure, besides those of 200 to 299.
  ///   - content: where the body of status 206 goes, as far as there is room.
  /// - Throws: `VarveError.Code.unavailable` when it may help to try again, otherwise what the answer means.
  @discardableResult
  func send(
    _ call: Call, _ body: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    into content: UnsafeMutableRawBufferPointer? = nil, accepting: Set<Int> = []
  ) throws -> Answer {
    let region = self.region.withLock { $0 }
    var answer = try attempt(call, body, content, region)
    if let other = Self.otherRegion(answer, than: region) {
      answer = try attempt(call, body, content, other)
      if Self.otherRegion(answer, than: other) == nil { self.region.withLock { $0 = other } }
    }
    if accepting.contains(answer.status) { return answer }
    // Status 200 may be sent before it is known whether all goes well.
    if answer.isSuccess, call.method == "GET" || S3Failure(answer.body) == nil { return answer }
    throw failure(answer, call.method, call.key ?? place.bucket)
  }

  /// - Parameter name: of what it was about.
  func failure(_ answer: Answer, _ method: String, _ name: String) -> VarveError {
    VarveError(answer, to: "\(method) \(name)", at: "\(place)")
  }

  private func attempt(
    _ call: Call, _ body: UnsafeRawBufferPointer, _ content: UnsafeMutableRawBufferPointer?,
    _ region: String
  ) throws -> Answer {
    let address = S3Address(place.bucket, endpoint, addressing, region: region)
    let request = SignatureV4.Request(
      method: call.method, host: address.host, path: address.path(call.key), query: call.query,
      headers: call.headers, payload: call.payload)
    return try exchange.send(body, into: content, largestAnswer: call.largestAnswer) {
      // A signature is good for 15 minutes: others may take longer on a slow line before it is this one's turn.
      let headers = SignatureV4(region: region)
        .sign(request, with: try credentials.credentials(), at: HTTPDate.now())
      return HTTPExchange.Request(
        call.method, "\(address.scheme)://\(address.host)\(request.target)",
        headers: headers + [("host", address.host)])
    }
  }

  /// The region that an answer sends to: in a header where the bucket is elsewhere, in the body where the signature is for
  /// another one than the service's own.
  private static func otherRegion(_ answer: Answer, than region: String) -> String? {
    guard [301, 307, 400].contains(answer.status),
      let other = answer.header("x-amz-bucket-region") ?? S3Failure(answer.body)?.region,
      other != region, S3Region.isValid(other)
    else { return nil }
    return other
  }
}

/// Scheme, host and path of requests about a bucket.
package struct S3Address {
  package let scheme: String
  /// With a port, unless it is the scheme's own: as the `host` header has it.
  package let host: String
  private let base: String

  package init(
    _ bucket: String, _ endpoint: S3Location.Endpoint, _ addressing: S3Storage.Addressing,
    region: String
  ) {
    let name: String
    switch endpoint {
    case .aws:
      scheme = "https"
      name = "s3.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
    case .service(let isSecure, let host, let port):
      scheme = isSecure ? "https" : "http"
      name = port.map { $0 == (isSecure ? 443 : 80) ? host : "\(host):\($0)" } ?? host
    }
    let isAWS = name.hasSuffix(".amazonaws.com") || name.hasSuffix(".amazonaws.com.cn")
    let isVirtual =
      switch addressing {
      case .auto: isAWS && S3Location.isHostLabel(bucket)
      case .path: false
      case .virtualHost: true
      }
    host = isVirtual ? "\(bucket).\(name)" : name
    base = isVirtual ? "" : "/\(bucket)"
  }

  /// - Parameter key: nil for the bucket itself.
  package func path(_ key: String?) -> String {
    key.map { "\(base)/\($0)" } ?? (base.isEmpty ? "/" : base)
  }
}
