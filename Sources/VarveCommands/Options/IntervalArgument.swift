import ArgumentParser
package import VarveOperations

/// A length of time such as `15m`, `90s`, `1h30m`, `250ms`; `0` needs no unit.
package struct IntervalArgument: ExpressibleByArgument, Hashable, Sendable {
  package let interval: Interval

  package init(nanoseconds: UInt64) { interval = Interval(nanoseconds: nanoseconds) }

  package init?(argument: String) {
    guard let interval = Interval(argument) else { return nil }
    self.interval = interval
  }

  package var nanoseconds: UInt64 { interval.nanoseconds }
}
