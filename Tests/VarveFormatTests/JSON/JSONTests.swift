import Testing
import VarveFormat
import VarveTestSupport

@Suite struct JSONTests {
  static let vectors: [VectorFile.Record] = (try? VectorFile.records("json.txt")) ?? []

  @Test func vectorsAreThere() { #expect(Self.vectors.count > 50) }

  @Test(arguments: vectors) func vector(_ vector: VectorFile.Record) throws {
    let bytes =
      if let text = try? vector.text("json") { Array(text.utf8) } else { try vector.bytes("hex") }
    if try vector.text("result") == "accept" {
      #expect(try JSONValue(canonical: bytes, "vector").canonicalBytes() == bytes)
    } else {
      #expect(throws: VarveError(.damaged, "")) { try JSONValue(canonical: bytes, "vector") }
    }
  }

  @Test func valuesReadBack() throws {
    let value: JSONValue = [
      "array": [1, -5, "x", Self.nothing, true, [:], []],
      "object": ["inner": ["deep": "\u{0}\u{1f}\"\\\n"]],
      "é": .integer(JSONValue.integerLimit),
    ]
    #expect(try JSONValue(canonical: value.canonicalBytes(), "value") == value)
    #expect(
      value.canonicalText
        == #"{"array":[1,-5,"x",null,true,{},[]],"object":{"inner":{"deep":"\u0000\u001f\"\\\n"}},"é":9007199254740991}"#
    )
  }

  private static let nothing = JSONValue.null

  /// To Swift such a name is the same as one in ASCII; to a reader that compares bytes it is another one.
  @Test func noNameIsSpelledInAnotherWay() throws {
    let ascii = Set((0x20..<0x7f).map { String(Unicode.Scalar(UInt8($0))) })
    var found = 0
    for value in UInt32(0x80)...0x10ffff {
      guard let scalar = Unicode.Scalar(value), ascii.contains(String(scalar)) else { continue }
      found += 1
      let bytes = Array("{\"author\(scalar)ey\":1}".utf8)
      #expect(throws: VarveError(.damaged, ""), "\(value)") {
        try JSONValue(canonical: bytes, "key")
      }
      #expect(throws: VarveError(.usage, ""), "\(value)") { try JSONText.value(bytes) }
    }
    #expect(found == 3)
  }

  @Test func aDepthBombIsRefused() {
    for opening in ["[", "{\"a\":"] {
      let bomb = String(repeating: opening, count: 1_000_000)
      #expect(throws: VarveError(.damaged, "")) { try JSONValue(canonical: bomb.utf8, "bomb") }
    }
  }

  @Test func everyChangedByteReadsAsSomethingElseOrNotAtAll() throws {
    let value: JSONValue = ["a": [1, 20, true, .null], "b": ["k": "text\\\n"], "c": ""]
    let bytes = value.canonicalBytes()
    for index in bytes.indices {
      for flip in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << flip
        if let read = try? JSONValue(canonical: changed, "changed") {
          #expect(read != value)
          #expect(read.canonicalBytes() == changed)
        }
      }
      #expect(throws: VarveError(.damaged, "")) {
        try JSONValue(canonical: bytes[..<index], "cut")
      }
    }
  }

  @Test func members() throws {
    let digest = Digest(1, 2, 3, 4)
    let value: JSONValue = [
      "string": "s", "bool": true, "integer": -7, "digest": .string(digest.hex),
      "base64": "AQID", "array": [1], "object": ["x": 1], "strings": ["a", "b"],
      "digests": [.string(digest.hex)], "bytes": #"\xff"#, "time": "2026-03-01T11:00:00Z",
    ]
    #expect(try value.string("string") == "s")
    #expect(try value.bool("bool"))
    #expect(try value.integer("integer") == -7)
    #expect(try value.digest("digest") == digest)
    #expect(try value.base64("base64") == [1, 2, 3])
    #expect(try value.array("array") == [1])
    #expect(try value.object("object") == ["x": 1])
    #expect(try value.strings("strings") == ["a", "b"])
    #expect(try value.digests("digests") == [digest])
    #expect(try value.escapedBytes("bytes") == [0xff])
    #expect(try value.utcTime("time") == Timestamp(seconds: 1_772_362_800))
    #expect(try value.optionalString("absent") == nil)
    #expect(try value.optionalDigest("absent") == nil)
    #expect(try value.optionalInteger("integer") == -7)
    func isDamaged(_ body: () throws -> Void) {
      #expect(throws: VarveError(.damaged, "")) { try body() }
    }
    isDamaged { _ = try value.string("absent") }
    isDamaged { _ = try value.string("integer") }
    isDamaged { _ = try value.optionalString("integer") }
    isDamaged { _ = try value.count("integer") }
    isDamaged { _ = try value.digest("string") }
    isDamaged { _ = try value.base64("bytes") }
    isDamaged { _ = try value.base64("base64", byteCount: 2) }
    isDamaged { _ = try value.digests("strings") }
    isDamaged { _ = try value.strings("array") }
    isDamaged { _ = try value.utcTime("string") }
    isDamaged { _ = try JSONValue.array([]).string("x") }
    isDamaged { try JSONValue.null.requireMembers(within: [], "value") }
    #expect(throws: VarveError(.unsupportedFormat, "")) {
      try value.requireMembers(within: ["string"], "value")
    }
  }

  @Test(arguments: [
    "2026-03-01T11:00:00+00:00", "2026-03-01T11:00:00.0Z", "2026-03-01t11:00:00Z",
    "2026-02-29T11:00:00Z", "2026-03-01T11:00Z",
  ])
  func otherTimesAreRefused(_ text: String) {
    let value: JSONValue = ["time": .string(text)]
    #expect(throws: VarveError(.damaged, "")) { try value.utcTime("time") }
  }
}
