import Testing
import VarveFormat

@Suite struct JSONWriterTests {
  private func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return writer.text
  }

  @Test func membersKeepTheirOrder() {
    let text = written {
      $0.object {
        $0.member("z", 1)
        $0.member("a", "x")
        $0.member("list", ["1", "2"])
        $0.key("inner")
        $0.object { $0.member("yes", true) }
        $0.key("none")
        $0.null()
      }
    }
    #expect(
      text == #"{"z":1,"a":"x","list":["1","2"],"inner":{"yes":true},"none":null}"#)
  }

  @Test func emptyContainersAndNesting() {
    let text = written {
      $0.array {
        $0.array { _ in }
        $0.object { _ in }
        $0.integer(-3)
      }
    }
    #expect(text == "[[],{},-3]")
  }

  @Test(arguments: [
    ("plain", #""plain""#),
    ("quote \" backslash \\", #""quote \" backslash \\""#),
    ("a\nb\tc\rd", #""a\nb\tc\rd""#),
    ("\u{1}\u{1f}\u{7f}", #""\u0001\u001f\u007f""#),
    ("é 漢 😀", "\"é 漢 😀\""),
  ])
  func strings(_ value: String, _ expected: String) {
    #expect(written { $0.string(value) } == expected)
  }

  @Test func numbers() {
    #expect(written { $0.number(0.25) } == "0.25")
    #expect(written { $0.number(.infinity) } == "0")
    #expect(written { $0.number(.nan) } == "0")
    #expect(written { $0.integer(UInt64.max) } == "18446744073709551615")
  }

  @Test func namesThatAreNotUTF8AreGivenExactlyToo() {
    let text = written { $0.object { $0.member("path", bytes: [0x2f, 0x61, 0xff]) } }
    #expect(text == "{\"path\":\"/a\u{fffd}\",\"path_base64\":\"L2H/\"}")
    let plain = written { $0.object { $0.member("path", bytes: Array("/ä".utf8)) } }
    #expect(plain == #"{"path":"/ä"}"#)
  }

  @Test func anArrayCanBeHandedOverPieceByPiece() {
    var writer = JSONWriter()
    writer.beginArray()
    writer.integer(1)
    var all = writer.take()
    writer.integer(2)
    writer.endArray()
    all += writer.take()
    #expect(String(decoding: all, as: UTF8.self) == "[1,2]")
  }
}
