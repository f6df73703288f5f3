import HTTPTypes

/// What the fields of a PUT say.
struct UploadHead {
  let size: Int
  /// `If-None-Match: *`
  let isConditional: Bool

  /// - Throws: `Problem` for what is not understood here: ignoring it would store something else than was meant.
  init(_ fields: HTTPFields, largest: Int) throws {
    switch fields[.ifNoneMatch] {
    case nil: isConditional = false
    case "*": isConditional = true
    default: throw Problem(400, "of If-None-Match only * is understood")
    }
    guard fields[.ifMatch] == nil, fields[.contentRange] == nil else {
      throw Problem(400, "objects are stored whole, and without If-Match")
    }
    let encoding = fields[.contentEncoding]
    guard encoding == nil || encoding == "identity" else {
      throw Problem(415, "objects are stored without a content encoding")
    }
    guard let text = fields[.contentLength], let size = Int(text), size >= 0 else {
      throw Problem(411, "an object is stored with its Content-Length")
    }
    guard size <= largest else {
      throw Problem(413, "an object has at most \(largest) bytes here")
    }
    self.size = size
  }
}
