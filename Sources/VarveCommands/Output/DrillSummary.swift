import VarveFormat
import VarveOperations
import VarveRepository

/// What is said of a drill: each step as it ends, then the whole.
struct DrillSummary: Sendable {
  private let console: Console
  private let profile: String
  private let drill: String

  init(_ console: Console, profile: String, drill: String) {
    self.console = console
    self.profile = profile
    self.drill = drill
  }

  func begin() { console.note("drill \(drill) of \(profile)") }

  func step(_ step: DrillStep) {
    guard console.isJSON else {
      let mark =
        switch step.result {
        case .passed: "ok  "
        case .failed: "FAIL"
        case .skipped: "skip"
        }
      let time = HumanText.fixed(Double(step.milliseconds) / 1000, 3).leading(9)
      let line =
        "\(mark) \(time) s  \(step.kind.rawValue.padded(to: 13)) \(step.subject): \(step.finding)"
      if step.result == .failed { console.warning(line) } else { console.note(line) }
      return
    }
    // That standard output is gone shows when the end is written.
    try? console.json { writer in
      writer.member("message_type", "drill_step")
      writer.member("profile", profile)
      writer.member("drill", drill)
      writer.member("kind", step.kind.rawValue)
      writer.member("subject", step.subject)
      writer.member("result", step.result.rawValue)
      writer.member("seconds", Double(step.milliseconds) / 1000)
      writer.member("finding", step.finding)
      if !step.output.isEmpty { writer.member("output", step.output) }
    }
  }

  func end(_ outcome: DrillRun.Outcome, directory: String?) throws {
    let record = outcome.record
    guard console.isJSON else { return try text(outcome, directory) }
    try console.json { writer in
      writer.member("message_type", "drill")
      writer.member("id", record.id)
      writer.member("profile", profile)
      writer.member("drill", drill)
      writer.member("result", record.hasPassed ? "passed" : "failed")
      writer.member("started", record.started.utcSeconds)
      writer.member("ended", record.ended.utcSeconds)
      writer.member("recovery_time_seconds", Double(record.milliseconds) / 1000)
      if let target = record.recoveryTimeTarget { writer.member("recovery_time_target", target) }
      if let point = record.recoveryPoint { writer.member("recovery_point_seconds", point) }
      if let target = record.recoveryPointTarget { writer.member("recovery_point_target", target) }
      writer.member("files", record.files)
      writer.member("files_total", record.filesTotal)
      writer.member("bytes", record.bytes)
      writer.member("steps", record.steps.count)
      writer.member("steps_failed", record.failures.count)
      writer.member("start_entry", record.startEntry)
      if let entry = outcome.entry { writer.member("entry", entry.index) }
      writer.member("document", record.digest.hex)
      writer.member("log_key", record.logKey)
      writer.member("warnings", record.warnings)
      if let directory { writer.member("directory", directory) }
      if let kept = outcome.keptDirectory { writer.member("restored", kept) }
    }
  }

  private func text(_ outcome: DrillRun.Outcome, _ directory: String?) throws {
    let record = outcome.record
    for warning in record.warnings { console.warning(warning) }
    var line =
      "drill \(drill) of \(profile) \(record.hasPassed ? "passed" : "FAILED"): "
      + "recovery time \(HumanText.fixed(Double(record.milliseconds) / 1000, 3)) s"
    if let target = record.recoveryTimeTarget { line += " of \(HumanText.span(target))" }
    if let point = record.recoveryPoint {
      line += ", recovery point \(HumanText.span(point))"
      if let target = record.recoveryPointTarget { line += " of \(HumanText.span(target))" }
    }
    try console.line(line)
    try console.line("id \(record.id)" + (outcome.entry.map { ", receipt \($0.index)" } ?? ""))
    if let directory { console.note("the proof document is in \(ByteText.printable(directory))") }
    if let kept = outcome.keptDirectory { try console.line("restored to \(kept)") }
  }
}
