/// What a schedule looks like, for the schema; `Schedule(_:)` reads it.
enum SchedulePattern {
  private static let at = "( at ([01]?[0-9]|2[0-3]):[0-5][0-9])?"
  private static let weekday =
    "([Mm]on(day)?|[Tt]ue(sday)?|[Ww]ed(nesday)?|[Tt]hu(rsday)?|[Ff]ri(day)?|[Ss]at(urday)?"
    + "|[Ss]un(day)?)"

  static let text =
    "^(hourly|daily\(at)|weekly( on \(weekday))?\(at)|monthly( on ([1-9]|1[0-9]|2[0-8]))?\(at)"
    + "|every ([0-9]{1,6}(s|m|h|d))+|[0-9A-Za-z*,/-]+( [0-9A-Za-z*,/-]+){4})$"

  static func matches(_ text: String) -> Bool {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    if words.count == 5, words.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isCronByte) }) {
      return true
    }
    var rest = words[...]
    switch rest.popFirst() {
    case "hourly": break
    case "daily": at(&rest)
    case "weekly":
      if rest.first == "on", rest.count > 1 {
        guard ScheduleText.weekday(rest[rest.startIndex + 1]) != nil else { return false }
        rest = rest.dropFirst(2)
      }
      at(&rest)
    case "monthly":
      if rest.first == "on", rest.count > 1 {
        guard ScheduleText.monthDay(rest[rest.startIndex + 1]) != nil else { return false }
        rest = rest.dropFirst(2)
      }
      at(&rest)
    case "every":
      guard let length = rest.popFirst() else { return false }
      return rest.isEmpty && TextForm.Runs(String(length), units: ["s", "m", "h", "d"]).isWhole
    default: return false
    }
    return rest.isEmpty
  }

  private static func at(_ rest: inout ArraySlice<Substring>) {
    guard rest.first == "at", rest.count > 1,
      ScheduleText.timeOfDay(rest[rest.startIndex + 1]) != nil
    else { return }
    rest = rest.dropFirst(2)
  }

  private static func isCronByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2a, 0x2c, 0x2f, 0x2d: true
    default: false
    }
  }
}
