// What clients of S3 and their servers say to each other, as far as servers of tests need it: objects at paths of one bucket,
// ranges, lists in pages whose token is the last key, errors as XML.

public import VarveFormat

/// What a request to S3 is about.
public struct S3Question: Sendable {
  /// Empty for the bucket itself.
  public let key: String
  public let query: [String: String]

  /// - Returns: nil when it is about another bucket.
  public init?(_ request: HTTPMessage, bucket: String) {
    let parts = request.target.split(
      separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = Self.decoded(parts[0].dropFirst())
    guard path == bucket || path.hasPrefix(bucket + "/") else { return nil }
    key = String(path.dropFirst(bucket.count + 1))
    var query: [String: String] = [:]
    for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      query[Self.decoded(sides[0])] = sides.count > 1 ? Self.decoded(sides[1]) : ""
    }
    self.query = query
  }

  private static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = UInt8(String(Substring(rest.prefix(2))), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Answers of a server that speaks S3.
public enum S3Answer {
  /// An error in S3's form.
  public static func failure(
    _ status: Int, _ code: String, headers: [(name: String, value: String)] = [],
    more: String = ""
  ) -> LoopbackServer.Answer {
    LoopbackServer.Answer(
      status, headers: headers + [("x-amz-request-id", "7")],
      body: Array("<Error><Code>\(code)</Code><Message/>\(more)</Error>".utf8))
  }

  /// An object, or the range of it that is asked for.
  ///
  /// - Parameter object: nil when there is none of that name.
  public static func object(
    _ object: [UInt8]?, time: Timestamp, to request: HTTPMessage,
    headers: [(name: String, value: String)] = []
  ) -> LoopbackServer.Answer {
    guard let object else { return failure(404, "NoSuchKey") }
    var headers = headers + [("last-modified", date(time))]
    guard let range = request.header("range") else {
      return LoopbackServer.Answer(
        200, headers: headers, body: object, contentLength: object.count)
    }
    let ends = range.dropFirst("bytes=".count).split(separator: "-").compactMap { UInt64($0) }
    guard ends.count == 2, ends[0] < UInt64(object.count) else {
      return failure(416, "InvalidRange")
    }
    let last = min(Int(clamping: ends[1]), object.count - 1)
    headers.append(("content-range", "bytes \(ends[0])-\(last)/\(object.count)"))
    return LoopbackServer.Answer(206, headers: headers, body: Array(object[Int(ends[0])...last]))
  }

  /// A page of the list that is asked for.
  ///
  /// - Parameter sizes: of all objects, by their keys.
  public static func list(
    _ query: [String: String], _ sizes: some Sequence<(key: String, value: Int)>, pageSize: Int
  ) -> LoopbackServer.Answer {
    let after = query["continuation-token"] ?? ""
    let found = sizes.filter { $0.key.hasPrefix(query["prefix"] ?? "") && $0.key > after }
      .sorted { $0.key < $1.key }
    let page = found.prefix(pageSize)
    var body = "<ListBucketResult><EncodingType>url</EncodingType>"
    for (key, size) in page {
      body += "<Contents><Key>\(encoded(key))</Key><Size>\(size)</Size></Contents>"
    }
    if let last = page.last, page.count < found.count {
      body +=
        "<IsTruncated>true</IsTruncated>"
        + "<NextContinuationToken>\(last.key)</NextContinuationToken>"
    } else {
      body += "<IsTruncated>false</IsTruncated>"
    }
    return LoopbackServer.Answer(200, body + "</ListBucketResult>")
  }

  /// As headers have it.
  private static func date(_ time: Timestamp) -> String {
    let civil = CivilTime(secondsSinceEpoch: time.seconds)
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
    return "\(days[Int(time.seconds / 86_400 % 7)]), \(two(civil.day)) \(months[civil.month - 1]) "
      + "\(civil.year) \(two(civil.hour)):\(two(civil.minute)):\(two(civil.second)) GMT"
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"):
        String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}
