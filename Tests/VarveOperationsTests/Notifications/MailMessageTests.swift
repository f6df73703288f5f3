import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

@Suite struct MailMessageTests {
  private func message(_ subject: String, _ body: String, to: [String] = ["a@example.org"])
    throws -> (headers: [String], body: String)
  {
    let message = MailMessage(
      to: to, from: "varve@example.org", subject: subject, body: body,
      date: Timestamp(seconds: 1_800_000_000), identifier: "id", host: "example.org")
    let text = String(decoding: try message.bytes(), as: UTF8.self)
    let end = try #require(text.firstRange(of: "\n\n"))
    var headers: [String] = []
    for line in text[..<end.lowerBound].split(separator: "\n") {
      if line.first == " " {
        headers[headers.count - 1] += line
      } else {
        headers.append(String(line))
      }
    }
    return (headers, String(text[end.upperBound...]))
  }

  private func header(_ name: String, _ headers: [String]) -> String? {
    let found = headers.filter { $0.hasPrefix(name + ": ") }
    return found.count == 1 ? String(found[0].dropFirst(name.utf8.count + 2)) : nil
  }

  /// As a reader of mail decodes it (RFC 2047): white space between encoded words goes.
  private func decoded(_ text: String) -> String {
    guard text.hasPrefix("=?utf-8?B?") else { return text }
    let words = text.split(separator: " ")
    return String(
      decoding: words.flatMap { Base64.decode(String($0.dropFirst(10).dropLast(2))) ?? [] },
      as: UTF8.self)
  }

  private func decodedBody(_ text: String) -> String {
    var out: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "=") else {
        out.append(byte)
        continue
      }
      if rest.first == 0x0a {
        rest.removeFirst()
      } else {
        out += Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self).lowercased()) ?? []
        rest = rest.dropFirst(2)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  private func randomText(_ generator: inout SeededGenerator) -> String {
    let pieces = ["a", " ", ".", "From ", "=", "é", "漢字", "🙂", "\n", "=?utf-8?B?", "x\u{301}", "-"]
    return (0..<Int(generator.next() % 80)).map { _ in pieces[Int(generator.next() % 12)] }.joined()
  }

  @Test func anyTextArrivesAsItIs() throws {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      let subject = randomText(&generator)
      let body = randomText(&generator) + "\n"
      let sent = try message(subject, body)
      let wanted = String(subject.map { $0 == "\n" ? " " : $0 })
      #expect(decoded(try #require(header("Subject", sent.headers))) == wanted)
      #expect(decodedBody(sent.body) == body)
      #expect(sent.body.utf8.allSatisfy { $0 < 0x80 })
      for line in sent.body.split(separator: "\n", omittingEmptySubsequences: false) {
        #expect(line.utf8.count <= 76)
        #expect(!line.hasPrefix("From ") && line != "." && !line.hasSuffix(" "))
      }
      for line in String(
        decoding: try MailMessage(
          to: ["a@b"], from: "c@d", subject: subject, body: "", date: Timestamp(seconds: 0),
          identifier: "i", host: "h"
        ).bytes(), as: UTF8.self
      ).split(separator: "\n") { #expect(line.utf8.count <= 78) }
    }
  }

  @Test func noValueEndsItsHeader() throws {
    let sent = try message("a\nBcc: x@y\r\n\r\nbody", "b")
    #expect(header("Bcc", sent.headers) == nil)
    for address in [
      "a@b\nBcc: c@d", "a b@c", "", "@b", "a@", "a@b@c", "<a@b", "a@b>", "a,b@c", "-oQ/tmp@x",
      "ä@b",
    ] {
      #expect(throws: VarveError(.usage, "")) { try message("s", "b", to: [address]) }
    }
    #expect(throws: VarveError(.usage, "")) { try message("s", "b", to: []) }
    for address in ["root", "a@b", "A \"B\" C <a@b>", "<a@b>", "Zoë <z@b>"] {
      _ = try message("s", "b", to: [address])
    }
  }

  @Test(
    arguments: [
      (0, "Thu, 1 Jan 1970 00:00:00 +0000"), (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
      (1_772_323_200, "Sun, 1 Mar 2026 00:00:00 +0000"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
    ] as [(Int64, String)])
  func dates(_ seconds: Int64, _ text: String) {
    #expect(MailMessage.date(Timestamp(seconds: seconds)) == text)
  }
}
