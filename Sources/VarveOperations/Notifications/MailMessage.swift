// A message as `sendmail -t` takes it (RFC 5322, in lines that end with LF alone):
//
//     Date, From, To, Subject, Message-ID     the subject as encoded words (RFC 2047) when it is not plain ASCII
//     Auto-Submitted: auto-generated          so that nobody's absence note answers (RFC 3834)
//     MIME-Version, Content-Type              text/plain; charset=utf-8
//     Content-Transfer-Encoding               quoted-printable (RFC 2045, section 6.7): no line is longer than 76
//
// No value can end its header: control characters become spaces, and an address with one is refused.

package import VarveFormat

/// An electronic letter, ready to be sent.
package struct MailMessage {
  package var to: [String]
  package var from: String
  package var subject: String
  package var body: String
  package var date: Timestamp
  /// The part before the `@` of its identification; unique.
  package var identifier: String
  package var host: String

  package init(
    to: [String], from: String, subject: String, body: String, date: Timestamp,
    identifier: String, host: String
  ) {
    self.to = to
    self.from = from
    self.subject = subject
    self.body = body
    self.date = date
    self.identifier = identifier
    self.host = host
  }

  private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// - Throws: `VarveError.Code.usage` for an address that cannot stand in a header.
  package func bytes() throws -> [UInt8] {
    guard !to.isEmpty else { throw VarveError(.usage, "there is nobody to send mail to") }
    let headers = [
      "Date: \(Self.date(date))",
      "From: \(try Self.mailbox(from))",
      "To: \(try to.map(Self.mailbox).joined(separator: ",\n "))",
      "Subject: \(Self.unstructured(subject))",
      "Message-ID: <\(Self.atom(identifier))@\(Self.atom(host))>",
      "Auto-Submitted: auto-generated",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: quoted-printable",
    ]
    return Array((headers.joined(separator: "\n") + "\n\n" + Self.quotedPrintable(body)).utf8)
  }

  /// Such as `Sat, 21 Nov 2026 18:51:18 +0000`.
  package static func date(_ time: Timestamp) -> String {
    let civil = CivilTime(secondsSinceEpoch: time.seconds)
    let days = time.seconds >= 0 ? time.seconds / 86_400 : (time.seconds - 86_399) / 86_400
    let weekday = weekdays[Int(((days % 7) + 7) % 7)]
    return "\(weekday), \(civil.day) \(months[civil.month - 1]) \(civil.year) "
      + "\(civil.timeText) +0000"
  }

  /// `local@domain`, or `Name <local@domain>` with the name encoded when it needs it.
  static func mailbox(_ text: String) throws -> String {
    let isControl = { (byte: UInt8) in byte < 0x20 || byte == 0x7f }
    guard !text.utf8.contains(where: isControl) else { throw refusal(text) }
    guard let open = text.lastIndex(of: "<") else {
      return try address(text)
    }
    guard text.hasSuffix(">") else { throw refusal(text) }
    let address = try address(String(text[text.index(after: open)...].dropLast()))
    var name = String(text[..<open])
    while name.hasSuffix(" ") { name.removeLast() }
    if name.hasPrefix("\""), name.hasSuffix("\""), name.utf8.count >= 2 {
      name = String(name.dropFirst().dropLast())
    }
    guard !name.isEmpty else { return "<\(address)>" }
    if name.utf8.allSatisfy({ $0 < 0x80 }) {
      let quoted = name.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
      return "\"\(quoted)\" <\(address)>"
    }
    return "\(encodedWords(name)) <\(address)>"
  }

  private static func address(_ text: String) throws -> String {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    let forbidden = Set(" ()<>,;:\\\"[]".utf8)
    guard (1...2).contains(parts.count), text.utf8.count <= 254, !text.hasPrefix("-"),
      parts.allSatisfy({ part in
        !part.isEmpty
          && part.utf8.allSatisfy { (0x21..<0x7f).contains($0) && !forbidden.contains($0) }
      })
    else { throw refusal(text) }
    return text
  }

  private static func refusal(_ text: String) -> VarveError {
    VarveError(
      .usage, "'\(ByteText.printable(text))' is no address that mail can be sent to",
      hint: "write it as name@example.org or Name <name@example.org>")
  }

  /// Folded; in encoded words when it is not printable ASCII, or could be taken for such words.
  static func unstructured(_ text: String) -> String {
    let line = String(
      decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
    let isPlain = line.utf8.allSatisfy { $0 < 0x80 } && !line.utf8.containsEncodedWord
    guard isPlain, line.utf8.count <= 60 else { return encodedWords(line) }
    return line
  }

  /// Each word stands for whole characters and has at most 75 bytes.
  private static func encodedWords(_ text: String) -> String {
    // With `Subject: ` before it a line stays within 76 bytes.
    let most = 39
    var words: [String] = []
    var piece: [UInt8] = []
    for scalar in text.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      if piece.count + bytes.count > most {
        words.append("=?utf-8?B?\(Base64.encode(piece))?=")
        piece = []
      }
      piece += bytes
    }
    words.append("=?utf-8?B?\(Base64.encode(piece))?=")
    return words.joined(separator: "\n ")
  }

  /// What is left of a text in a name of a host, or before an `@`.
  static func atom(_ text: String) -> String {
    let letters = text.unicodeScalars.prefix(200).map { scalar -> Character in
      let isPlain =
        scalar.isASCII
        && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "-"
          || scalar == ".")
      return isPlain ? Character(scalar) : "-"
    }
    return letters.isEmpty ? "localhost" : String(letters)
  }

  static func quotedPrintable(_ text: String) -> String {
    var out = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let bytes = Array(line.utf8)
      var column = 0
      for (index, byte) in bytes.enumerated() {
        let isLast = index == bytes.count - 1
        var spelling = spelled(byte, isFirst: column == 0, isLast: isLast)
        if column + spelling.utf8.count > 75 {
          out += "=\n"
          column = 0
          spelling = spelled(byte, isFirst: true, isLast: isLast)
        }
        out += spelling
        column += spelling.utf8.count
      }
      out += "\n"
    }
    return text.hasSuffix("\n") ? String(out.dropLast()) : out
  }

  /// A line of `From …` or of one dot is changed by what carries mail, and so is white space at the end of one.
  private static func spelled(_ byte: UInt8, isFirst: Bool, isLast: Bool) -> String {
    let isPlain =
      switch byte {
      case UInt8(ascii: "="): false
      case UInt8(ascii: "."), UInt8(ascii: "F"): !isFirst
      case 0x20, 0x09: !isLast
      default: (0x21..<0x7f).contains(byte)
      }
    return isPlain
      ? String(UnicodeScalar(byte)) : "=" + Hex.encode(CollectionOfOne(byte)).uppercased()
  }
}

extension String.UTF8View {
  fileprivate var containsEncodedWord: Bool {
    zip(self, dropFirst()).contains { $0 == UInt8(ascii: "=") && $1 == UInt8(ascii: "?") }
  }
}
