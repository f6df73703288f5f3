import ArgumentParser
package import VarveFormat

/// How many snapshots a rule keeps: a number, or `unlimited`.
package struct RetentionCountArgument: ExpressibleByArgument, Hashable, Sendable {
  package let count: RetentionCount

  package init?(argument: String) {
    if argument == "unlimited" {
      count = .unlimited
    } else if let number = Int64(argument), number >= 0 {
      count = .limited(min(number, JSONValue.integerLimit))
    } else {
      return nil
    }
  }
}

/// How far a rule reaches back: `2y5m7d3h`.
package struct RetentionDurationArgument: ExpressibleByArgument, Hashable, Sendable {
  package let duration: RetentionDuration

  package init?(argument: String) {
    guard let duration = RetentionDuration(argument) else { return nil }
    self.duration = duration
  }
}

/// A length of time between backups: `15min`, `1h`, `1d`, `1w`.
package struct CadenceArgument: ExpressibleByArgument, Hashable, Sendable {
  package let seconds: Int64

  package init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    let units: [Substring: Int64] = ["min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400]
    guard let number = Int64(digits), (1...10_000).contains(number),
      let unit = units[argument.dropFirst(digits.count)]
    else { return nil }
    seconds = number * unit
  }

  /// Seconds in the largest unit that divides them.
  package static func text(seconds: Int64) -> String {
    for (unit, length) in [("w", 7 * 86_400), ("d", 86_400), ("h", 3600), ("min", Int64(60))]
    where seconds % length == 0 {
      return "\(seconds / length)\(unit)"
    }
    return seconds < 3600 ? "\(seconds) s" : "about \((seconds + 1800) / 3600)h"
  }
}
