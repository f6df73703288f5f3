import Synchronization
import VarveFormat
import VarveRepository

/// Shows a check while it runs.
final class CheckDisplay: CheckObserver {
  let progress = CheckProgress()
  private let console: Console
  private let stage = Mutex(CheckStage.log)

  init(_ console: Console) { self.console = console }

  /// Starts the display; stop it before anything else is printed.
  func start() -> ProgressReporter {
    let progress = progress
    return ProgressReporter(
      console,
      done: { progress.bytesRead.load(ordering: .relaxed) },
      total: { progress.bytesTotal.load(ordering: .relaxed) },
      lines: { [self] in [line($0)] },
      json: { [self] in status($1, into: &$0) })
  }

  func began(_ stage: CheckStage) {
    self.stage.withLock { $0 = stage }
    console.note(level: 2, Self.text(stage))
  }

  func found(_ damage: CheckReport.Damage) {
    guard console.isJSON else {
      console.status.print(
        "varve: error: \(damage.object): \(damage.kind.rawValue): "
          + ByteText.printable(damage.message))
      return
    }
    var writer = JSONWriter()
    writer.object {
      $0.member("message_type", "error")
      $0.member("object", damage.object)
      $0.member("kind", damage.kind.rawValue)
      $0.member("message", damage.message)
    }
    console.status.print(writer.text)
  }

  private func line(_ moment: ProgressReporter.Moment) -> String {
    let stage = stage.withLock { $0 }
    let damages = progress.damages.load(ordering: .relaxed)
    if stage == .data {
      return ProgressText.line(
        seconds: moment.seconds,
        done: (
          progress.packsRead.load(ordering: .relaxed), progress.bytesRead.load(ordering: .relaxed)
        ),
        total: (
          progress.packsTotal.load(ordering: .relaxed),
          progress.bytesTotal.load(ordering: .relaxed)
        ),
        rate: moment.rate, remaining: moment.remaining, errors: damages, noun: "packs")
    }
    let counted =
      switch stage {
      case .objects:
        ", \(progress.objectsChecked.load(ordering: .relaxed)) / "
          + HumanText.count(progress.objectsTotal.load(ordering: .relaxed), "object")
      case .trees:
        ", \(progress.snapshotsChecked.load(ordering: .relaxed)) / "
          + HumanText.count(progress.snapshotsTotal.load(ordering: .relaxed), "snapshot") + ", "
          + HumanText.count(progress.treeNodes.load(ordering: .relaxed), "tree node")
      default: ""
      }
    let errors = damages > 0 ? ", " + HumanText.count(damages, "error") : ""
    return "[\(HumanText.duration(seconds: UInt64(max(0, moment.seconds))))] "
      + Self.text(stage) + counted + errors
  }

  private static func text(_ stage: CheckStage) -> String {
    switch stage {
    case .log: "verifying the log"
    case .objects: "looking at all objects"
    case .trees: "checking snapshots and trees"
    case .data: "reading data"
    case .affected: "looking for what the damage affects"
    }
  }

  private func status(_ moment: ProgressReporter.Moment, into writer: inout JSONWriter) {
    let read = progress.bytesRead.load(ordering: .relaxed)
    let total = progress.bytesTotal.load(ordering: .relaxed)
    writer.member("message_type", "status")
    writer.member("seconds_elapsed", UInt64(max(0, moment.seconds)))
    if let remaining = moment.remaining { writer.member("seconds_remaining", remaining) }
    writer.member("stage", stage.withLock { $0.rawValue })
    writer.member("percent_done", total > 0 ? ProgressText.fraction(read, total) : 0)
    writer.member("total_objects", progress.objectsTotal.load(ordering: .relaxed))
    writer.member("objects_checked", progress.objectsChecked.load(ordering: .relaxed))
    writer.member("total_snapshots", progress.snapshotsTotal.load(ordering: .relaxed))
    writer.member("snapshots_checked", progress.snapshotsChecked.load(ordering: .relaxed))
    writer.member("total_packs", progress.packsTotal.load(ordering: .relaxed))
    writer.member("packs_read", progress.packsRead.load(ordering: .relaxed))
    writer.member("total_bytes", total)
    writer.member("bytes_read", read)
    writer.member("error_count", progress.damages.load(ordering: .relaxed))
  }
}
