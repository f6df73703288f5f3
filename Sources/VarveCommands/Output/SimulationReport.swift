import Varve
import VarveFormat
import VarveRepository

/// What `forget --simulate` prints.
struct SimulationReport {
  /// Runs of days that are listed of a month unless --verbose is given.
  private static let runLimit = 16

  /// Days one after another with as many snapshots on each.
  private struct Run {
    let newest: String
    var oldest: String
    var oldestNumber: Int64
    let count: Int

    var text: String {
      let days = newest == oldest ? newest : "\(oldest)…\(newest)"
      return count == 1 ? days : "\(days) (\(count))"
    }
  }

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
        + "\(CadenceArgument.text(seconds: interval.seconds)) (\(source))")
    let rules = group.rules?.rules ?? []
    let held = group.forecast.months.contains { $0.held > 0 }
    var columns: [(heading: String, alignment: TextTable.Alignment)] = [
      ("After", .left), ("Snapshots", .right),
    ]
    for rule in rules { columns.append((ByteText.printable(rule.title), .right)) }
    if held { columns.append(("Held", .right)) }
    columns.append(("Days (and how many of a day)", .left))
    var table = TextTable(columns)
    for month in group.forecast.months {
      var cells = [[String(Self.local(month.end).prefix(10))], [String(month.snapshots.count)]]
      for count in month.counts { cells.append([String(count)]) }
      if held { cells.append([String(month.held)]) }
      cells.append(Self.days(month.snapshots, all: console.verbosity > 1))
      table.add(cells)
    }
    for line in table.lines() { try console.line(line) }
    try console.line("")
  }

  /// `2026-12-21 (8), 2026-12-20 (24), 2026-11-21…2026-12-19`, newest first, four to a line.
  private static func days(_ times: [Timestamp], all: Bool) -> [String] {
    var days: [(number: Int64, name: String, count: Int)] = []
    for time in times.map({ WallClock.local(seconds: $0.seconds) }) {
      let number = (time.seconds + Int64(time.offset)) / 86_400
      if days.last?.number == number {
        days[days.count - 1].count += 1
      } else {
        days.append((number, time.civil.dateText, 1))
      }
    }
    var runs: [Run] = []
    for day in days {
      if let run = runs.last, run.count == day.count, run.oldestNumber == day.number + 1 {
        runs[runs.count - 1].oldest = day.name
        runs[runs.count - 1].oldestNumber = day.number
      } else {
        runs.append(
          Run(newest: day.name, oldest: day.name, oldestNumber: day.number, count: day.count))
      }
    }
    let shown = all ? runs.count : min(runs.count, runLimit)
    var lines = stride(from: 0, to: shown, by: 4).map { start in
      runs[start..<min(start + 4, shown)].map(\.text).joined(separator: ", ")
    }
    if shown < runs.count, let oldest = runs.last?.oldest {
      lines.append("… and others back to \(oldest)")
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
