import VarveFormat
import VarveProof
import VarveRepository

/// Between which times the log entries of snapshots were appended, as others than their authors say.
struct SnapshotWindows {
  struct Shown {
    let window: TimeWindow
    /// Of the log entry: a backup begins earlier, and a copy keeps its original's time.
    let claimed: Timestamp

    func members(into writer: inout JSONWriter) {
      AttestedTimesReport.members(window, claimed, into: &writer)
    }

    /// Cells of a table; a claimed time stands only where nothing is known.
    var cells: [[String]] {
      if window.notBefore == nil && window.notAfter == nil {
        return [["-"], ["-", "claims \(claimed.utcSeconds)"]]
      }
      let remark = AttestedTimesReport.remark(window, claimed).drop { $0 == " " }
      return [
        [Self.text(window.notBefore)],
        [Self.text(window.notAfter)] + (remark.isEmpty ? [] : [String(remark)]),
      ]
    }

    private static func text(_ time: Timestamp?) -> String {
      time.map { EntryText.shortTime(WallClock.local(seconds: $0.seconds)) } ?? "-"
    }
  }

  private let state: LogState
  private let times: AttestedTimesReport

  init(_ state: LogState, _ times: AttestedTimesReport) {
    self.state = state
    self.times = times
  }

  /// Nil for a snapshot that is live no more.
  subscript(id: Digest) -> Shown? {
    state.snapshots[id].map {
      Shown(window: times.window(ofEntry: $0.entry), claimed: $0.time)
    }
  }
}
