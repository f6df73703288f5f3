import VarveFormat
import VarveProof
import VarveRepository

/// Time windows as commands show them, in the place of claimed times.
struct AttestedTimesReport {
  private let log: Log
  private let times: AttestedTimes

  init(_ log: Log, _ trust: TimeTrust) throws {
    self.log = log
    times = try log.attestedTimes(trust)
  }

  func window(ofEntry index: UInt64) -> TimeWindow { log.window(ofEntry: index, times) }

  /// `after … before …`, of two columns that are always as wide.
  static func text(_ window: TimeWindow) -> String {
    func text(_ time: Timestamp?, _ none: String) -> String {
      (time?.utcSeconds ?? none).padded(to: 20)
    }
    return "\(text(window.notBefore, "-")) to \(text(window.notAfter, "-"))"
  }

  /// What is wrong with a claimed time, behind an entry's line.
  static func remark(_ window: TimeWindow, _ claimed: Timestamp) -> String {
    if window.isContradictory { return "  [the time stamps contradict each other]" }
    if window.isBefore(claimed) { return "  [claims \(claimed.utcSeconds): back-dated]" }
    if window.isAfter(claimed) { return "  [claims \(claimed.utcSeconds): post-dated]" }
    return ""
  }

  static func members(
    _ window: TimeWindow, _ claimed: Timestamp, into writer: inout JSONWriter
  ) {
    if let time = window.notBefore { writer.member("not_before", time.utcSeconds) }
    if let time = window.notAfter { writer.member("not_after", time.utcSeconds) }
    writer.member("time_admitted", !window.isContradictory && window.admits(claimed))
  }

  /// Says which entries attest no time although they should.
  ///
  /// - Returns: 22 when there are any.
  func finish(on console: Console) throws -> ExitStatus {
    for failure in times.failures {
      console.status.print(
        "varve: error: log entry \(failure.entry) proves no time: "
          + ByteText.printable("\(failure.error)"))
    }
    return times.failures.isEmpty ? .success : .unproved
  }
}
