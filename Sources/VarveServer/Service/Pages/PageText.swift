import VarveFormat
import VarveOperations
import VarveRepository

/// How pages write times, sizes and states.
enum PageText {
  /// `2026-03-01 12:00`, with the whole of it for machines.
  static func time(_ time: Timestamp?) -> String {
    guard let time else { return "<span class=\"soft\">never</span>" }
    return "<time datetime=\"\(time.utcSeconds)\">\(plainTime(time))</time>"
  }

  static func plainTime(_ time: Timestamp) -> String {
    let civil = WallClock.local(seconds: time.seconds).civil
    return "\(civil.dateText) \(civil.timeText.prefix(5))"
  }

  static func date(_ seconds: Int64) -> String { WallClock.local(seconds: seconds).civil.dateText }

  /// `3 h`, `2 d`: one unit, for a glance.
  static func age(_ seconds: Int64) -> String {
    switch seconds {
    case ..<60: "\(max(0, seconds)) s"
    case ..<3600: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3600) h"
    default: "\(seconds / 86_400) d"
    }
  }

  /// As far as that goes.
  static func whole(_ value: Double) -> Int64 { Int64(max(0, min(value, 9e18))) }

  /// Four digits at most: `1.23 GiB`.
  static func bytes(_ count: Int64) -> String {
    let text = HumanText.bytes(UInt64(max(0, count)))
    guard let point = text.firstIndex(of: "."), let space = text.firstIndex(of: " ") else {
      return text
    }
    let whole = text[..<point]
    let digits = max(0, 3 - whole.count)
    let fraction = text[text.index(after: point)..<space].prefix(digits)
    return whole + (fraction.isEmpty ? "" : "." + fraction) + text[space...]
  }

  static func count(_ number: Int64) -> String { HumanText.grouped(UInt64(max(0, number))) }

  /// A state as a word with a sign of its own, so that colour is not all there is.
  static func state(_ state: String, _ level: StatusReport.Level) -> String {
    let (style, sign) =
      switch level {
      case .good: (state == "running" ? "busy" : "good", state == "running" ? "◐" : "✓")
      case .warning: ("warn", "!")
      case .bad: ("bad", "✗")
      }
    return "<span class=\"state \(style)\"><span aria-hidden=\"true\">\(sign)</span> "
      + HTMLText.escaped(words[state] ?? state) + "</span>"
  }

  private static let words = [
    "ok": "good", "never": "never ran", "unfinished": "no end", "none": "not run",
    "unwitnessed": "not witnessed", "unverified": "unverified", "future": "in the future",
    "run": "run not in order",
  ]
}

/// How far this host's clock is from UTC at a moment, in seconds.
enum WallClockOffset {
  static func at(_ seconds: Int64) -> Int32 { WallClock.local(seconds: seconds).offset }
}
