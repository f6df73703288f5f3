import Synchronization
import Varve
import VarveFormat

/// Shows a restore while it runs.
final class RestoreDisplay: RestoreObserver {
  let progress = RestoreProgress()
  let wantsItems: Bool
  private let console: Console
  private let verifies: Bool

  /// - Parameter listing: whether each item is to be printed (`-vv`, or a dry run with `-v`).
  init(_ console: Console, verifies: Bool, listing: Bool) {
    self.console = console
    self.verifies = verifies
    wantsItems = listing
  }

  /// Starts the display; stop it before anything else is printed.
  func start() -> ProgressReporter {
    let (progress, rounds): (RestoreProgress, UInt64) = (progress, verifies ? 2 : 1)
    return ProgressReporter(
      console,
      done: {
        progress.bytesRestored.load(ordering: .relaxed)
          + progress.bytesSkipped.load(ordering: .relaxed)
          + progress.bytesVerified.load(ordering: .relaxed)
      },
      total: {
        progress.planned.load(ordering: .acquiring)
          ? rounds * progress.bytesTotal.load(ordering: .relaxed) : 0
      },
      lines: { RestoreDisplay.lines(progress, $0) },
      json: { RestoreDisplay.status(progress, $1, into: &$0) })
  }

  func failed(_ problem: RestoreProblem) {
    console.problem(item: problem.path, during: "restore", problem.message)
  }

  func finished(_ item: RestoreItem) {
    guard console.isJSON else {
      let size =
        item.isDirectory || item.action == .deleted
        ? "" : " with size \(HumanText.bytes(item.size))"
      console.status.print(
        "\(item.action.rawValue.padded(to: 9)) \(ByteText.printable(item.path))\(size)")
      return
    }
    try? console.json(flushing: false) {
      $0.member("message_type", "verbose_status")
      $0.member("action", item.action.rawValue)
      $0.member("item", bytes: item.path)
      $0.member("size", item.size)
    }
  }

  private static func lines(_ progress: RestoreProgress, _ moment: ProgressReporter.Moment)
    -> [String]
  {
    let verified = progress.bytesVerified.load(ordering: .relaxed)
    let total = (
      files: progress.itemsTotal.load(ordering: .relaxed),
      bytes: progress.bytesTotal.load(ordering: .relaxed)
    )
    let items =
      progress.itemsRestored.load(ordering: .relaxed)
      + progress.itemsSkipped.load(ordering: .relaxed)
    let bytes =
      progress.bytesRestored.load(ordering: .relaxed)
      + progress.bytesSkipped.load(ordering: .relaxed)
    let isFinal = progress.planned.load(ordering: .acquiring)
    let line = ProgressText.line(
      seconds: moment.seconds, done: (items, bytes), total: isFinal ? total : nil,
      rate: moment.rate, remaining: moment.remaining,
      errors: progress.errors.load(ordering: .relaxed), noun: "items")
    return [verified > 0 ? line + ", verified \(HumanText.bytes(verified))" : line]
  }

  private static func status(
    _ progress: RestoreProgress, _ moment: ProgressReporter.Moment, into writer: inout JSONWriter
  ) {
    let restored = progress.bytesRestored.load(ordering: .relaxed)
    let skipped = progress.bytesSkipped.load(ordering: .relaxed)
    let total = progress.bytesTotal.load(ordering: .relaxed)
    let isFinal = progress.planned.load(ordering: .acquiring)
    writer.member("message_type", "status")
    writer.member("seconds_elapsed", UInt64(moment.seconds))
    if let remaining = moment.remaining { writer.member("seconds_remaining", remaining) }
    writer.member("percent_done", isFinal ? ProgressText.fraction(restored + skipped, total) : 0)
    writer.member("total_files", progress.itemsTotal.load(ordering: .relaxed))
    writer.member("files_restored", progress.itemsRestored.load(ordering: .relaxed))
    writer.member("files_skipped", progress.itemsSkipped.load(ordering: .relaxed))
    writer.member("files_deleted", progress.itemsDeleted.load(ordering: .relaxed))
    writer.member("total_bytes", total)
    writer.member("bytes_restored", restored)
    writer.member("bytes_skipped", skipped)
    writer.member("bytes_verified", progress.bytesVerified.load(ordering: .relaxed))
    writer.member("error_count", progress.errors.load(ordering: .relaxed))
  }
}
