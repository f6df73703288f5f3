import Varve
import VarveFormat

/// What a text has to look like. The pattern is for JSON Schema and says the same as `matches`; what a pattern cannot
/// say, such as that a number is not too large, is left to who reads the value.
package struct TextForm: Sendable {
  /// For the manual.
  package let name: String
  /// As in "expected a duration such as 26h".
  package let expectation: String
  /// A regular expression, anchored.
  package let pattern: String
  package let matches: @Sendable (String) -> Bool

  /// Any text.
  package static let any = TextForm(
    name: "text", expectation: "text", pattern: "", matches: { _ in true })

  package static let filled = TextForm(
    name: "text", expectation: "text", pattern: "^[\\s\\S]", matches: { !$0.isEmpty })

  package static let path = TextForm(
    name: "path", expectation: "a path", pattern: "^[\\s\\S]+", matches: { !$0.isEmpty })

  /// Of repositories, profiles, sources and whatever else is referred to.
  package static let name = TextForm(
    name: "name", expectation: "a name of up to 64 letters, digits, '.', '_' and '-'",
    pattern: "^[A-Za-z0-9._-]{1,64}$",
    matches: {
      (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy { isNameByte($0) }
    })

  package static let duration = TextForm(
    name: "duration", expectation: "a duration such as 26h, 30d or 1h30m",
    pattern: "^(0|([0-9]{1,6}(ms|s|m|h|d))+)$",
    matches: { text in
      text == "0" || Runs(text, units: ["ms", "s", "m", "h", "d"]).isWhole
    })

  /// How far retention reaches back; here `m` are months.
  package static let span = TextForm(
    name: "span", expectation: "a span such as 90d, 6m or 2y, or 'forever'",
    pattern: "^(forever|([0-9]{1,6}[ymdh])+)$",
    matches: { text in text == "forever" || Runs(text, units: ["y", "m", "d", "h"]).isWhole })

  package static let within = TextForm(
    name: "span", expectation: "a span such as 90d, 6m or 2y",
    pattern: "^([0-9]{1,6}[ymdh])+$",
    matches: { Runs($0, units: ["y", "m", "d", "h"]).isWhole })

  package static let size = TextForm(
    name: "size", expectation: "a size such as 64MiB or 2M",
    pattern: "^[0-9]{1,15}(\\.[0-9]{1,9})?([kKmMgGtTpP]([iI]?[bB])?|[bB])?$",
    matches: { isSize($0) })

  package static let schedule = TextForm(
    name: "schedule",
    expectation: "a schedule such as 'hourly', 'daily at 02:30', 'weekly on sunday', 'monthly on 1 "
      + "at 04:00', 'every 6h' or five fields as cron has them",
    pattern: SchedulePattern.text, matches: { SchedulePattern.matches($0) })

  package static let subset = TextForm(
    name: "part", expectation: "a part such as 1/12, 5% or 10G",
    pattern: "^([1-9][0-9]{0,5}/[1-9][0-9]{0,5}|[0-9]{1,3}(\\.[0-9]{1,6})?%"
      + "|[0-9]{1,15}(\\.[0-9]{1,9})?([kKmMgGtTpP]([iI]?[bB])?|[bB])?)$",
    matches: { text in
      if let slash = text.firstIndex(of: "/") {
        return isNatural(text[..<slash]) && isNatural(text[text.index(after: slash)...])
      }
      return isPercent(text) || isSize(text)
    })

  package static let percent = TextForm(
    name: "percentage", expectation: "a percentage such as 5%",
    pattern: "^[0-9]{1,3}(\\.[0-9]{1,6})?%$", matches: { isPercent($0) })

  package static let url = TextForm(
    name: "URL", expectation: "a URL that begins with https:// or http://",
    pattern: "^https?://[!-~]+$",
    matches: { text in
      ["http://", "https://"].contains { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }
        && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    })

  package static let digest = TextForm(
    name: "digest", expectation: "a SHA-256 in 64 hexadecimal digits",
    pattern: "^[0-9a-fA-F]{64}$",
    matches: { $0.utf8.count == 64 && $0.utf8.allSatisfy { isHex($0) } })

  /// One of a few words.
  package static func choice(_ words: String...) -> TextForm {
    let quoted = words.map { "'\($0)'" }
    let list =
      quoted.count == 1
      ? quoted[0] : quoted.dropLast().joined(separator: ", ") + " or " + (quoted.last ?? "")
    return TextForm(
      name: words.joined(separator: " | "), expectation: list,
      pattern: "^(\(words.joined(separator: "|")))$", matches: { words.contains($0) })
  }
}

// MARK: What patterns are made of

extension TextForm {
  static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
    default: false
    }
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
    default: false
    }
  }

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isNatural(_ text: Substring) -> Bool {
    (1...6).contains(text.utf8.count) && text.utf8.allSatisfy(isDigit) && !text.hasPrefix("0")
  }

  /// Digits, perhaps a point and more digits.
  private static func decimal(
    _ rest: inout Substring.UTF8View, whole: Int, fraction: Int
  ) -> Bool {
    let digits = rest.prefix(while: isDigit).count
    guard (1...whole).contains(digits) else { return false }
    rest = rest.dropFirst(digits)
    guard rest.first == 0x2e else { return true }
    let more = rest.dropFirst().prefix(while: isDigit).count
    rest = rest.dropFirst(1 + more)
    return (1...fraction).contains(more)
  }

  private static func isPercent(_ text: String) -> Bool {
    var rest = text[...].utf8
    return decimal(&rest, whole: 3, fraction: 6) && rest.elementsEqual([0x25])
  }

  private static func isSize(_ text: String) -> Bool {
    var rest = text[...].utf8
    guard decimal(&rest, whole: 15, fraction: 9) else { return false }
    let unit = String(decoding: rest, as: UTF8.self).lowercased()
    return ["", "b"].contains(unit)
      || (unit.first.map { "kmgtp".contains($0) } ?? false)
        && ["", "b", "ib"].contains(unit.dropFirst())
  }

  /// `([0-9]{1,6} unit)+`
  struct Runs {
    let isWhole: Bool

    init(_ text: String, units: Set<String>) {
      var rest = text[...].utf8
      var isRight = !rest.isEmpty
      while isRight, !rest.isEmpty {
        let digits = rest.prefix(while: isDigit).count
        rest = rest.dropFirst(digits)
        let unit = rest.prefix { !isDigit($0) }
        rest = rest.dropFirst(unit.count)
        isRight = (1...6).contains(digits) && units.contains(String(decoding: unit, as: UTF8.self))
      }
      isWhole = isRight
    }
  }
}
