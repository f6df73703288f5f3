/// Parses one JSON value from untrusted bytes.
///
/// Every access is bounded and depth is limited, so hostile bytes throw and never trap. It refuses
/// most spellings that are not canonical by itself; `JSONValue.init(canonical:_:)` refuses the
/// rest.
struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let what: String
  private var offset = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, _ what: String) {
    self.bytes = bytes
    self.what = what
  }

  mutating func wholeValue() throws -> JSONValue {
    let value = try value(depth: 0)
    guard offset == bytes.count else { throw fail("bytes follow the JSON value") }
    return value
  }

  private func fail(_ reason: String) -> VarveError {
    VarveError(.damaged, "\(what) is damaged: \(reason) at byte \(offset)")
  }

  private func peek() throws -> UInt8 {
    guard offset < bytes.count else { throw fail("its JSON ends too early") }
    return bytes[offset]
  }

  private mutating func take() throws -> UInt8 {
    let byte = try peek()
    offset += 1
    return byte
  }

  private mutating func expect(_ byte: UInt8) throws {
    guard try peek() == byte else {
      throw fail("its JSON should have '\(Character(UnicodeScalar(byte)))'")
    }
    offset += 1
  }

  private mutating func expect(word: StaticString) throws {
    for index in 0..<word.utf8CodeUnitCount { try expect(word.utf8Start[index]) }
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    switch try peek() {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try expect(word: "true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try expect(word: "false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try expect(word: "null")
      return .null
    default: return .integer(try integer())
    }
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    guard depth <= JSONValue.depthLimit else { throw fail("its JSON nests too deeply") }
    try expect(UInt8(ascii: "{"))
    var members: [String: JSONValue] = [:]
    if try peek() == UInt8(ascii: "}") {
      offset += 1
      return .object(members)
    }
    while true {
      let key = try string()
      guard !JSONKey.isDisguised(key) else { throw fail("its JSON has a key in another spelling") }
      try expect(UInt8(ascii: ":"))
      guard members.updateValue(try value(depth: depth), forKey: key) == nil else {
        throw fail("its JSON has a key twice")
      }
      if try separatorOrEnd(UInt8(ascii: "}")) { return .object(members) }
    }
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    guard depth <= JSONValue.depthLimit else { throw fail("its JSON nests too deeply") }
    try expect(UInt8(ascii: "["))
    var elements: [JSONValue] = []
    if try peek() == UInt8(ascii: "]") {
      offset += 1
      return .array(elements)
    }
    while true {
      elements.append(try value(depth: depth))
      if try separatorOrEnd(UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  private mutating func separatorOrEnd(_ end: UInt8) throws -> Bool {
    if try peek() == end {
      offset += 1
      return true
    }
    try expect(UInt8(ascii: ","))
    return false
  }

  private mutating func integer() throws -> Int64 {
    let isNegative = try peek() == UInt8(ascii: "-")
    if isNegative { offset += 1 }
    var magnitude: Int64 = 0
    var digits = 0
    while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) {
      magnitude = magnitude * 10 + Int64(bytes[offset] - UInt8(ascii: "0"))
      guard magnitude <= JSONValue.integerLimit else { throw fail("an integer is out of range") }
      offset += 1
      digits += 1
    }
    guard digits > 0 else { throw fail("its JSON has no value") }
    return isNegative ? -magnitude : magnitude
  }

  private mutating func string() throws -> String {
    try expect(UInt8(ascii: "\""))
    var text: [UInt8] = []
    var start = offset
    while true {
      let byte = try take()
      guard byte >= 0x20 else { throw fail("a string has a bare control character") }
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        text.append(contentsOf: bytes[start..<offset - 1])
        if byte == UInt8(ascii: "\"") { break }
        text.append(try escaped())
        start = offset
      }
    }
    guard let string = String(validating: text, as: UTF8.self) else {
      throw fail("a string is not UTF-8")
    }
    return string
  }

  private mutating func escaped() throws -> UInt8 {
    switch try take() {
    case UInt8(ascii: "\""): return UInt8(ascii: "\"")
    case UInt8(ascii: "\\"): return UInt8(ascii: "\\")
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "n"): return 0x0a
    case UInt8(ascii: "f"): return 0x0c
    case UInt8(ascii: "r"): return 0x0d
    case UInt8(ascii: "u"):
      try expect(word: "00")
      guard bytes.count - offset >= 2,
        let value = Hex.decode(String(decoding: bytes[offset..<offset + 2], as: UTF8.self)),
        value[0] < 0x20
      else { throw fail("a string has an escape that is not canonical") }
      offset += 2
      return value[0]
    default: throw fail("a string has an escape that is not canonical")
    }
  }
}
