import Synchronization
import Varve
import VarveFormat
import VarveRepository

/// Shows a copy while it runs.
final class CopyDisplay: CopyObserver {
  let progress = CopyProgress()
  private let console: Console
  private let isDryRun: Bool

  init(_ console: Console, isDryRun: Bool) {
    self.console = console
    self.isDryRun = isDryRun
  }

  /// Starts the display; stop it before anything else is printed.
  func start() -> ProgressReporter {
    let progress = progress
    return ProgressReporter(
      console,
      done: { progress.bytesDone.load(ordering: .relaxed) },
      // It is known of one snapshot after the other.
      total: { 0 },
      lines: { [CopyDisplay.line(progress, $0)] },
      json: { CopyDisplay.status(progress, $1, into: &$0) })
  }

  func copied(_ copy: CopyReport.Copied) {
    guard !console.isQuiet else { return }
    guard console.isJSON else {
      let time = EntryText.shortTime(WallClock.local(seconds: copy.time.seconds))
      let what = "\(copy.source.hex.prefix(8)) of \(time) on \(ByteText.printable(copy.host))"
      if let target = copy.target {
        console.status.print("copied \(what): now \(target.hex.prefix(8))")
      } else {
        console.status.print("would copy \(what)")
      }
      return
    }
    try? console.json {
      $0.member("message_type", isDryRun ? "would_copy" : "copied")
      $0.member("source_snapshot_id", copy.source.hex)
      if let target = copy.target { $0.member("snapshot_id", target.hex) }
    }
  }

  func failed(_ problem: CopyReport.Problem) {
    guard console.isJSON else {
      let place = problem.path.map { ":\(ByteText.printable($0))" } ?? ""
      console.status.print(
        "varve: error: \(problem.snapshot.hex.prefix(8))\(place): "
          + ByteText.printable(problem.message))
      return
    }
    var writer = JSONWriter()
    writer.object {
      $0.member("message_type", "error")
      $0.key("error")
      $0.object { $0.member("message", problem.message) }
      $0.member("during", "copy")
      $0.member("snapshot_id", problem.snapshot.hex)
      if let path = problem.path { $0.member("item", bytes: path) }
    }
    console.status.print(writer.text)
  }

  func savedPartial(_ snapshot: Digest) {
    guard console.isJSON else {
      if Interruption.flag.isCancelled {
        console.note("what was done is saved in the partial snapshot \(snapshot.hex.prefix(8))")
      } else {
        console.note(level: 2, "partial snapshot \(snapshot.hex.prefix(8)) saved; the copy goes on")
      }
      return
    }
    guard !console.isQuiet else { return }
    try? console.json {
      $0.member("message_type", "partial_snapshot")
      $0.member("snapshot_id", snapshot.hex)
    }
  }

  private static func line(
    _ progress: CopyProgress, _ moment: ProgressReporter.Moment
  ) -> String {
    let done = progress.snapshotsDone.load(ordering: .relaxed)
    let total = HumanText.count(progress.snapshotsTotal.load(ordering: .relaxed), "snapshot")
    let errors = progress.errors.load(ordering: .relaxed)
    return "[\(HumanText.duration(seconds: UInt64(max(0, moment.seconds))))] \(done) of \(total), "
      + "\(HumanText.bytes(progress.bytesDone.load(ordering: .relaxed))) copied, "
      + "\(HumanText.bytes(UInt64(max(0, moment.rate))))/s"
      + (errors > 0 ? ", " + HumanText.count(errors, "error") : "")
  }

  private static func status(
    _ progress: CopyProgress, _ moment: ProgressReporter.Moment, into writer: inout JSONWriter
  ) {
    let done = progress.snapshotsDone.load(ordering: .relaxed)
    let total = progress.snapshotsTotal.load(ordering: .relaxed)
    writer.member("message_type", "status")
    writer.member("seconds_elapsed", UInt64(max(0, moment.seconds)))
    writer.member("percent_done", ProgressText.fraction(done, total))
    writer.member("total_snapshots", total)
    writer.member("snapshots_done", done)
    writer.member("bytes_found", progress.bytesFound.load(ordering: .relaxed))
    writer.member("bytes_done", progress.bytesDone.load(ordering: .relaxed))
    writer.member("error_count", progress.errors.load(ordering: .relaxed))
  }
}
