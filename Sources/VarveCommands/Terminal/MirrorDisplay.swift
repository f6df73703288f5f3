import Synchronization
import VarveFormat
import VarveRepository

/// Shows mirroring while it goes on.
final class MirrorDisplay: MirrorObserver {
  let progress = MirrorProgress()
  private let console: Console

  init(_ console: Console) { self.console = console }

  /// Starts the display; stop it before anything else is printed.
  func start() -> ProgressReporter {
    let progress = progress
    return ProgressReporter(
      console,
      done: { progress.bytesDone.load(ordering: .relaxed) },
      total: {
        progress.isPlanned.load(ordering: .acquiring)
          ? progress.bytesTotal.load(ordering: .relaxed) : 0
      },
      lines: { [MirrorDisplay.line(progress, $0)] },
      json: { MirrorDisplay.status(progress, $1, into: &$0) })
  }

  func failed(_ failure: MirrorReport.Failure) {
    let note = failure.isWholeAtTarget ? "; the twin has it" : ""
    guard console.isJSON else {
      console.status.print(
        "varve: error: \(failure.name): \(ByteText.printable(failure.message))\(note)")
      return
    }
    var writer = JSONWriter()
    writer.object {
      $0.member("message_type", "error")
      $0.key("error")
      $0.object { $0.member("message", failure.message) }
      $0.member("during", "mirror")
      $0.member("object", failure.name)
      $0.member("whole_at_target", failure.isWholeAtTarget)
    }
    console.status.print(writer.text)
  }

  private static func line(
    _ progress: MirrorProgress, _ moment: ProgressReporter.Moment
  ) -> String {
    let isPlanned = progress.isPlanned.load(ordering: .acquiring)
    let commits = progress.commitsTotal.load(ordering: .relaxed)
    let line = ProgressText.line(
      seconds: moment.seconds,
      done: (
        progress.objectsDone.load(ordering: .relaxed), progress.bytesDone.load(ordering: .relaxed)
      ),
      total: isPlanned
        ? (
          progress.objectsTotal.load(ordering: .relaxed),
          progress.bytesTotal.load(ordering: .relaxed)
        ) : nil,
      rate: moment.rate, remaining: moment.remaining,
      errors: progress.errors.load(ordering: .relaxed), noun: "objects")
    guard commits > 0 else { return line }
    return line + ", \(progress.commitsDone.load(ordering: .relaxed)) / \(commits) commits"
  }

  private static func status(
    _ progress: MirrorProgress, _ moment: ProgressReporter.Moment, into writer: inout JSONWriter
  ) {
    let (done, total) = (
      progress.bytesDone.load(ordering: .relaxed), progress.bytesTotal.load(ordering: .relaxed)
    )
    let isPlanned = progress.isPlanned.load(ordering: .acquiring)
    writer.member("message_type", "status")
    writer.member("seconds_elapsed", UInt64(max(0, moment.seconds)))
    if let remaining = moment.remaining { writer.member("seconds_remaining", remaining) }
    writer.member("percent_done", isPlanned ? ProgressText.fraction(done, total) : 0)
    writer.member("total_objects", progress.objectsTotal.load(ordering: .relaxed))
    writer.member("objects_done", progress.objectsDone.load(ordering: .relaxed))
    writer.member("total_bytes", total)
    writer.member("bytes_done", done)
    writer.member("total_commits", progress.commitsTotal.load(ordering: .relaxed))
    writer.member("commits_done", progress.commitsDone.load(ordering: .relaxed))
    writer.member("error_count", progress.errors.load(ordering: .relaxed))
  }
}
