import Glibc
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

extension RestoreCommand {
  /// `varve restore --profile`.
  func restoreProfile(on console: Console) throws -> ExitStatus {
    let configuration = try sources.configuration.load(on: console)
    let surroundings = RunSurroundings(
      configuration, client: try global.client(of: configuration, on: console),
      cancellation: Interruption.flag,
      note: { console.note($0) }, warn: { console.warning(ByteText.printable($0)) })
    let name = sources.profile ?? ""
    guard let profile = surroundings.configuration.profiles[name] else {
      let known = surroundings.configuration.profiles.keys.sorted().joined(separator: ", ")
      throw VarveError(
        .notFound, "there is no profile '\(ByteText.printable(name))'",
        hint: known.isEmpty ? "the configuration has none" : "there are \(known)")
    }
    let restore = try ProfileRestore(profile, surroundings)
    var manner = RestoreOptions(target: [])
    writing.apply(to: &manner)
    let choices = try restore.choose(sources.sources, at: sources.at?.timestamp, manner: manner)
    if !sources.yes {
      for choice in choices where choice.source.isSensitive { try confirm(choice) }
    }
    umask(0)
    var options = staging.options(at: WallClock.now(), cancellation: Interruption.flag)
    // Places of their own are in use.
    options.takesSafety = true
    options.host = profile.host
    try restore.run(choices, options) { receipt, repository in
      receipts.leave(receipt, in: repository, on: console)
    } done: { choice, report in
      for warning in report.restore.warnings { console.warning(ByteText.printable(warning)) }
      guard console.isJSON else {
        return try RestoreSummary(report.restore, safety: report.safety).print(on: console)
      }
      try console.json {
        $0.member("message_type", "source")
        $0.member("source", choice.source.name)
        $0.member("snapshot_id", choice.snapshot.hex)
        $0.member("files_restored", report.restore.itemsRestored)
        $0.member("files_deleted", report.restore.itemsDeleted)
        $0.member("bytes_restored", report.restore.bytesRestored)
        if writing.verify { $0.member("files_verified", report.restore.filesVerified) }
        $0.member("databases_checked", report.databasesChecked)
        if let safety = report.safety { $0.member("safety_snapshot", safety.hex) }
      }
    }
    return .success
  }

  /// - Throws: `.refused` unless the answer is yes.
  private func confirm(_ choice: ProfileRestore.Choice) throws {
    let question =
      "restore '\(choice.source.name)', which is sensitive, from \(choice.snapshot.hex.prefix(8))? (yes/no) "
    var answer: String?
    if isatty(STDIN_FILENO) == 1 {
      _ = question.utf8.withContiguousStorageIfAvailable {
        write(STDERR_FILENO, $0.baseAddress, $0.count)
      }
      answer = readLine()
    }
    guard answer == "yes" else {
      throw VarveError(
        .refused,
        "'\(choice.source.name)' is sensitive, and nobody has said yes; nothing was changed",
        hint: "give --yes, or leave it out with --source")
    }
  }
}
