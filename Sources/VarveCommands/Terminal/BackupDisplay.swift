import Synchronization
import Varve
import VarveFormat
import VarveRepository

/// Shows a backup while it runs.
final class BackupDisplay: BackupObserver {
  let progress = BackupProgress()
  let wantsItems: Bool
  private let console: Console

  init(_ console: Console) {
    self.console = console
    wantsItems = console.verbosity >= 3
  }

  /// Makes a snapshot while this shows how far it is, then prints what came of it.
  ///
  /// - Throws: what `Backup.run` throws.
  func show(_ repository: IndexedRepository, _ options: BackupOptions) throws -> BackupReport {
    let reporter = start()
    let result = Result {
      try Backup.run(
        repository, options: options, observer: self, cancellation: Interruption.flag)
    }
    reporter.stop()
    let report = try result.get()
    try BackupSummary(report).print(on: console)
    return report
  }

  /// Stopped before anything else is printed.
  private func start() -> ProgressReporter {
    let progress = progress
    return ProgressReporter(
      console,
      done: { progress.bytesDone.load(ordering: .relaxed) },
      total: {
        progress.scanFinished.load(ordering: .acquiring)
          ? progress.bytesFound.load(ordering: .relaxed) : 0
      },
      lines: { BackupDisplay.lines(progress, $0) },
      json: { BackupDisplay.status(progress, $1, into: &$0) })
  }

  func failed(_ problem: SourceProblem) {
    console.problem(item: problem.path, during: problem.stage.rawValue, problem.message)
  }

  func scanFinished(duration nanoseconds: UInt64) {
    guard wantsItems, console.isJSON else { return }
    try? console.json {
      $0.member("message_type", "verbose_status")
      $0.member("action", "scan_finished")
      $0.member("item", "")
      $0.member("duration", Double(nanoseconds) / 1e9)
      $0.member("data_size", progress.bytesFound.load(ordering: .relaxed))
      $0.member("total_files", progress.filesFound.load(ordering: .relaxed))
    }
  }

  func savedPartial(_ snapshot: Digest) {
    guard console.isJSON else {
      if Interruption.flag.isCancelled {
        console.note("what was done is saved in the partial snapshot \(snapshot.hex.prefix(8))")
      } else {
        console.note(
          level: 2, "partial snapshot \(snapshot.hex.prefix(8)) saved; the backup goes on")
      }
      return
    }
    guard !console.isQuiet else { return }
    try? console.json {
      $0.member("message_type", "partial_snapshot")
      $0.member("snapshot_id", snapshot.hex)
    }
  }

  func failedToSavePartial(_ error: any Error) {
    console.warning("a partial snapshot could not be saved: \(error)")
  }

  func savesRepository(_ path: [UInt8]) {
    console.warning(
      "the repository lies in what is saved and is saved with it: leave it out with --exclude \(ByteText.printable(path))"
    )
  }

  func finished(_ item: BackupItem) {
    let seconds = Double(item.duration) / 1e9
    guard console.isJSON else {
      let name = ByteText.printable(item.path) + (item.isDirectory ? "/" : "")
      let action = item.action.rawValue.padded(to: 9)
      let added = HumanText.bytes(item.dataAdded + item.metadataAdded)
      console.status.print(
        item.action == .unchanged
          ? "\(action) \(name)"
          : "\(action) \(name), saved in \(HumanText.fixed(seconds, 3))s (\(added) added)")
      return
    }
    try? console.json(flushing: false) {
      $0.member("message_type", "verbose_status")
      $0.member("action", item.action.rawValue)
      $0.member("item", bytes: item.path + (item.isDirectory ? [UInt8(ascii: "/")] : []))
      $0.member("duration", seconds)
      $0.member("data_size", item.dataAdded)
      $0.member("data_size_in_repo", item.dataAddedPacked)
      $0.member("metadata_size", item.metadataAdded)
      $0.member("metadata_size_in_repo", item.metadataAddedPacked)
    }
  }

  private static func lines(_ progress: BackupProgress, _ moment: ProgressReporter.Moment)
    -> [String]
  {
    let isFinal = progress.scanFinished.load(ordering: .acquiring)
    let found = (
      files: progress.filesFound.load(ordering: .relaxed),
      bytes: progress.bytesFound.load(ordering: .relaxed)
    )
    let done = (
      files: progress.filesDone.load(ordering: .relaxed),
      bytes: progress.bytesDone.load(ordering: .relaxed)
    )
    let line = ProgressText.line(
      seconds: moment.seconds, done: done, total: isFinal ? found : nil, rate: moment.rate,
      remaining: moment.remaining, errors: progress.errors.load(ordering: .relaxed))
    let columns = StatusDisplay.width - 1
    return [line]
      + progress.currentPaths.prefix(2).map {
        TerminalText.tail(ByteText.printable($0), columns: columns)
      }
  }

  private static func status(
    _ progress: BackupProgress, _ moment: ProgressReporter.Moment, into writer: inout JSONWriter
  ) {
    let bytesDone = progress.bytesDone.load(ordering: .relaxed)
    let bytesFound = progress.bytesFound.load(ordering: .relaxed)
    let isFinal = progress.scanFinished.load(ordering: .acquiring)
    writer.member("message_type", "status")
    writer.member("seconds_elapsed", UInt64(moment.seconds))
    if let remaining = moment.remaining { writer.member("seconds_remaining", remaining) }
    writer.member("percent_done", isFinal ? ProgressText.fraction(bytesDone, bytesFound) : 0)
    writer.member("total_files", progress.filesFound.load(ordering: .relaxed))
    writer.member("files_done", progress.filesDone.load(ordering: .relaxed))
    writer.member("total_bytes", bytesFound)
    writer.member("bytes_done", bytesDone)
    writer.member("error_count", progress.errors.load(ordering: .relaxed))
    let current = progress.currentPaths
    if !current.isEmpty {
      writer.member("current_files", current.map { String(decoding: $0, as: UTF8.self) })
    }
  }
}
