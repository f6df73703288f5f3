import Testing
import VarveFormat
import VarveRemoteStorage
import VarveTestSupport

@Suite struct S3DocumentTests {
  private static let page = """
    \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>
    <!-- a > b -->
    <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/" a='"'>
      <Name>bucket</Name><Prefix/><EncodingType></EncodingType>
      <IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b&#x3d;&#61;</NextContinuationToken>
      <s3:Contents><Key>a&lt;&gt;&quot;&apos;<![CDATA[<&>]]></Key><Size>17</Size></s3:Contents>
      <Contents ><Size>18446744073709551615</Size><Key>ü b</Key ><Owner><ID>1</ID></Owner></Contents>
      <CommonPrefixes><Prefix>x</Prefix></CommonPrefixes>
    </ListBucketResult>

    """

  @Test func aPage() throws {
    let page = try S3Listing(Array(Self.page.utf8), "a list")
    #expect(page.objects.map(\.key) == ["a<>\"'<&>", "ü b"])
    #expect(page.objects.map(\.size) == [17, .max])
    #expect(page.continuation == "a&b==")
  }

  @Test func encodedKeys() throws {
    let text =
      "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b%2Fc%01</Key>"
      + "<Size>1</Size></Contents></ListBucketResult>"
    let page = try S3Listing(Array(text.utf8), "a list")
    #expect(page.objects.map(\.key) == ["a b/c\u{1}"])
    #expect(page.continuation == nil)
  }

  @Test(arguments: [
    "", " ", "text", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a/>x", "<a", "<a b>", "<a b=>",
    "<a b=c/>", "<a b='>", "<>x</>", "<a>&</a>", "<a>&amp</a>", "<a>&nbsp;</a>", "<a>&#0;</a>",
    "<a>&#xD800;</a>", "<a>&#1114112;</a>", "<a>&#99999999;</a>", "<a>&#x;</a>",
    "<a><![CDATA[x</a>",
    "<a><!-- x</a>", "<?x", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a>&", "<a><", "&",
    String(repeating: "<a>", count: 17) + String(repeating: "</a>", count: 17),
  ])
  func whatIsNoDocument(_ text: String) {
    #expect(throws: VarveError(.io, "")) { try S3Document(Array(text.utf8), "an answer") }
    #expect(S3Failure(Array(text.utf8)) == nil)
  }

  @Test func documentsHaveABound() {
    let text =
      "<a>" + String(repeating: "x", count: S3Document.byteLimit) + "</a>"
    #expect(throws: VarveError(.io, "")) { try S3Document(Array(text.utf8), "an answer") }
    #expect(throws: VarveError(.io, "")) {
      try S3Document([0x3c, 0x61, 0xff, 0x2f, 0x3e], "an answer")
    }
  }

  @Test(arguments: [
    "<Error/>",
    "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
    "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
    "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
    "<ListBucketResult><Contents><Key>a</Key><Size>18446744073709551616</Size></Contents></ListBucketResult>",
    "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    "<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>",
    "<ListBucketResult><EncodingType>rot13</EncodingType></ListBucketResult>",
    "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%f</Key><Size>1</Size></Contents></ListBucketResult>",
  ])
  func whatIsNoPage(_ text: String) {
    #expect(throws: VarveError(.io, "")) { try S3Listing(Array(text.utf8), "a list") }
  }

  @Test func failures() throws {
    let failure = try #require(
      S3Failure(
        Array("<Error><Code>A\u{1b}B</Code><Message>m</Message><Region>x</Region></Error>".utf8)))
    #expect(!failure.code.utf8.contains(0x1b))
    #expect(failure.message == "m")
    #expect(failure.region == "x")
    #expect(S3Failure(Array("<Error><Message>m</Message></Error>".utf8)) == nil)
  }

  @Test func escapedTextReadsBack() throws {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<200 {
      let characters = Array("<>&\"'; aü&amp;#")
      let text = String(
        (0..<20).map { _ in characters[Int.random(in: 0..<characters.count, using: &random)] })
      let document = try S3Document(
        Array("<a>\(S3Document.escaped(text))</a>".utf8), "an answer")
      #expect(document.text == text)
    }
  }

  /// Bytes changed, taken out and put in at random: an error or a result, never a trap.
  @Test func damagedBytes() {
    var random = SeededGenerator(seed: 4)
    let good = Array(Self.page.utf8)
    var accepted = 0
    for _ in 0..<(TestTools.isSoak ? 500_000 : 20_000) {
      var bytes = good
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[place] = Array("<>&;/'\"!?[]-=".utf8).randomElement(using: &random) ?? 0
        case 2: bytes.remove(at: place)
        default: bytes.removeSubrange(place...)
        }
        if bytes.isEmpty { break }
      }
      if (try? S3Listing(bytes, "a list")) != nil { accepted += 1 }
      _ = S3Failure(bytes)
    }
    #expect(accepted > 0)
  }
}
