import Varve
import VarveFormat
import VarveProof
import VarveRepository

/// Snapshots with the times between which their entries were appended to the log.
struct SnapshotWindowList {
  private struct Row {
    let snapshot: ChosenSnapshot
    let window: TimeWindow
    /// Of the log entry: a backup begins earlier, and a copy keeps its original's time.
    let claimed: Timestamp
  }

  private let rows: [Row]

  init(_ snapshots: [ChosenSnapshot], _ state: LogState, _ times: AttestedTimesReport) {
    rows = snapshots.compactMap { snapshot in
      state.snapshots[snapshot.id].map {
        Row(snapshot: snapshot, window: times.window(ofEntry: $0.entry), claimed: $0.time)
      }
    }
  }

  func print(on console: Console) throws {
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        for row in rows {
          writer.object {
            SnapshotJSON.members(row.snapshot.record, id: row.snapshot.id, into: &$0)
            AttestedTimesReport.members(row.window, row.claimed, into: &$0)
          }
        }
      }
      writer.endLine()
      return try console.write(writer.bytes)
    }
    var table = TextTable([
      ("ID", .left), ("Not before", .left), ("Not after", .left), ("Host", .left), ("", .left),
    ])
    for row in rows {
      let record = row.snapshot.record
      table.add([
        String(row.snapshot.id.hex.prefix(8)), Self.text(row.window.notBefore),
        Self.text(row.window.notAfter), ByteText.printable(record.host),
        AttestedTimesReport.remark(row.window, row.claimed),
      ])
    }
    for line in table.lines(footer: HumanText.count(rows.count, "snapshot")) {
      try console.line(line)
    }
  }

  private static func text(_ time: Timestamp?) -> String {
    time.map { EntryText.shortTime(WallClock.local(seconds: $0.seconds)) } ?? "-"
  }
}
