import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

/// How a restore treats a place that is in use.
struct RestoreStagingOptions: ParsableArguments {
  @Flag(
    help:
      "Commit a snapshot of what will be written over or removed, first, so that --undo can put it back; implies --atomic. Needs an owner's credential."
  )
  var safety = false

  @Flag(
    help:
      "Stage everything in the target's file system, sync it, and move it into place when all of it is there."
  )
  var atomic = false

  @Flag(
    help: "Move files that are in the way aside, to NAME.pre-restore-<time>; implies --atomic.")
  var keepExisting = false

  @Option(
    help: ArgumentHelp("With --keep-existing, append this to names instead.", valueName: "suffix"))
  var keptSuffix: RawArgument?

  @Flag(help: "Put back what was there before the restore that took this safety snapshot.")
  var undo = false

  var isWanted: Bool { safety || atomic || keepExisting }

  mutating func validate() throws {
    if undo, isWanted || keptSuffix != nil {
      throw ValidationError("--undo stands alone.")
    }
    if let suffix = keptSuffix?.bytes {
      guard keepExisting else { throw ValidationError("--kept-suffix needs --keep-existing.") }
      guard !suffix.isEmpty, suffix.count < 128, !suffix.contains(0x2f), !suffix.contains(0) else {
        throw ValidationError("--kept-suffix must not be empty or have a slash in it.")
      }
    }
  }

  func options(at time: Timestamp, cancellation: CancellationFlag) -> StagingOptions {
    var options = StagingOptions()
    options.checkDatabases(cancellation: cancellation)
    options.takesSafety = safety
    if keepExisting {
      options.keptSuffix = keptSuffix?.bytes ?? Array(".pre-restore-\(Self.stamp(time))".utf8)
    }
    return options
  }

  /// `20260301T120000Z`.
  private static func stamp(_ time: Timestamp) -> String {
    let civil = CivilTime(secondsSinceEpoch: time.seconds)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(civil.year)\(two(civil.month))\(two(civil.day))T"
      + "\(two(civil.hour))\(two(civil.minute))\(two(civil.second))Z"
  }
}
