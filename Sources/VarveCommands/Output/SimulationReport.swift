import Varve
import VarveFormat
import VarveRepository

/// What `forget --simulate` prints.
struct SimulationReport {
  /// Days that are listed of a month unless --verbose is given.
  private static let dayLimit = 24

  private let simulation: RetentionSimulation

  init(_ simulation: RetentionSimulation) { self.simulation = simulation }

  func print(on console: Console) throws {
    if console.isJSON { return try printJSON(on: console) }
    for group in simulation.groups { try print(group, on: console) }
    try printCost(on: console)
  }

  private func print(_ group: RetentionSimulation.Group, on console: Console) throws {
    try console.line("snapshots of \(group.key.printable)")
    try console.line(
      group.rules.map { ByteText.printable($0.description) } ?? "no policy: keep all")
    let interval = group.interval
    let source =
      switch interval {
      case .given: "as given"
      case .observed: "as observed"
      case .assumed: "assumed: there is but one"
      }
    try console.line(
      "\(HumanText.count(group.present.count, "snapshot")) now; a backup every "
        + "\(IntervalArgument.text(seconds: interval.seconds)) (\(source)), forgetting daily")
    let rules = group.rules?.rules ?? []
    let held = group.forecast.months.contains { $0.held > 0 }
    var table = TextTable(
      [("After", .left), ("Snapshots", .right)]
        + rules.map { (ByteText.printable($0.title), .right) }
        + (held ? [("Held", .right)] : []) + [("Days (and how many of a day)", .left)])
    for month in group.forecast.months {
      let days = Self.days(month.snapshots, all: console.verbosity > 1)
      table.add(
        [[String(Self.local(month.end).prefix(10))], [String(month.snapshots.count)]]
          + month.counts.map { [String($0)] } + (held ? [[String(month.held)]] : [])
          + [days])
    }
    for line in table.lines() { try console.line(line) }
    try console.line("")
  }

  /// `2026-12-21 (24), 12-20, 12-19, …`, six days a line, newest first.
  private static func days(_ times: [Timestamp], all: Bool) -> [String] {
    var days: [(day: String, count: Int)] = []
    for time in times {
      let day = String(local(time).prefix(10))
      if days.last?.day == day { days[days.count - 1].count += 1 } else { days.append((day, 1)) }
    }
    let shown = all ? days.count : min(days.count, dayLimit)
    let words = days.prefix(shown).map { $0.count == 1 ? $0.day : "\($0.day) (\($0.count))" }
    var lines = stride(from: 0, to: words.count, by: 6).map {
      words[$0..<min($0 + 6, words.count)].joined(separator: ", ")
    }
    if shown < days.count {
      lines.append("… and \(days.count - shown) more days back to \(days[days.count - 1].day)")
    }
    return lines.isEmpty ? [""] : lines
  }

  private static func local(_ time: Timestamp) -> String {
    EntryText.shortTime(WallClock.local(seconds: time.seconds))
  }

  private func printCost(on console: Console) throws {
    let cost = simulation.cost
    try console.line("What rules cost now (a block counts while anything in it is needed):")
    var table = TextTable([
      ("Kept by", .left), ("Snapshots", .right), ("Only they need", .right),
      ("Saved without it", .right),
    ])
    for row in cost.rows {
      table.add([
        ByteText.printable(row.reason.title), String(row.snapshots), HumanText.bytes(row.bytes),
        HumanText.bytes(row.savedWithout),
      ])
    }
    table.add([
      "nothing: forgotten now", String(cost.forgottenSnapshots), HumanText.bytes(cost.freed), "",
    ])
    for line in table.lines(footer: "of \(HumanText.bytes(cost.total)) in all") {
      try console.line(line)
    }
  }

  private func printJSON(on console: Console) throws {
    try console.json { writer in
      writer.member("message_type", "simulation")
      writer.key("groups")
      writer.array { writer in
        for group in simulation.groups { writer.object { Self.members(group, into: &$0) } }
      }
      writer.key("costs")
      writer.array { writer in
        for row in simulation.cost.rows {
          writer.object {
            row.reason.members(into: &$0)
            $0.member("snapshots", row.snapshots)
            $0.member("bytes", row.bytes)
            $0.member("saved_without", row.savedWithout)
          }
        }
      }
      writer.member("forgotten_snapshots", simulation.cost.forgottenSnapshots)
      writer.member("freed", simulation.cost.freed)
      writer.member("total_size", simulation.cost.total)
    }
  }

  private static func members(_ group: RetentionSimulation.Group, into writer: inout JSONWriter) {
    group.key.resticMembers(into: &writer)
    if let rules = group.rules { writer.member("policy", rules.description) }
    writer.member("interval", group.interval.seconds)
    let source =
      switch group.interval {
      case .given: "given"
      case .observed: "observed"
      case .assumed: "assumed"
      }
    writer.member("interval_source", source)
    writer.member("snapshots_now", group.present.count)
    writer.key("months")
    let rules = group.rules?.rules ?? []
    writer.array { writer in
      for month in group.forecast.months {
        writer.object { writer in
          writer.member("end", month.end.precise)
          writer.member("snapshots_count", month.snapshots.count)
          writer.member("held", month.held)
          writer.key("rules")
          writer.array { writer in
            for (rule, count) in zip(rules, month.counts) {
              writer.object {
                $0.member("option", rule.option.name)
                $0.member("value", rule.option.value)
                $0.member("snapshots", count)
              }
            }
          }
          writer.member("snapshots", month.snapshots.map(\.precise))
        }
      }
    }
  }
}

extension RetentionRule {
  /// `keep-daily 7`.
  fileprivate var title: String { "\(option.name.dropFirst(2)) \(option.value)" }
}

extension RetentionReason {
  fileprivate var title: String {
    if case .rule(let rule, _) = self { rule.title } else { text }
  }

  fileprivate func members(into writer: inout JSONWriter) {
    if case .rule(let rule, _) = self {
      writer.member("option", rule.option.name)
      writer.member("value", rule.option.value)
    } else {
      writer.member("reason", text)
    }
  }
}
