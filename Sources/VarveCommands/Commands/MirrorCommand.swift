import ArgumentParser
import Varve
import VarveFormat
import VarveRepository
import VarveStorage

struct MirrorCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "mirror",
    abstract: "Replicate a repository as it is, objects and log. Needs no password.",
    usage: "varve mirror [<options>] --from-repo <path>",
    discussion: """
      --from-repo names the repository that is mirrored and only read, --repo the place of its twin: a new one, or one \
      that was mirrored to before. The twin has the same keys, passwords, snapshots and proofs. What it has is passed \
      over, so the same command can run after each backup; one that was interrupted goes on where it stopped. Until it \
      ends the twin shows the state that it had.

      The source's log is verified, and each object compared with its name on the way. What the log says was swept by \
      'varve prune' is removed at the twin as well, unless --no-delete is given or the twin's server only lets \
      objects be added. What is damaged or missing at the source is named, the rest is mirrored, and the exit code is 20. \
      Mirroring the other way brings back what one of the two has lost.

      Write to one of the two only: when both have entries that the other has not, the exit code is 22. At the twin, use \
      'check --no-record' and 'restore --no-receipt'.

      Examples:
        varve mirror --from-repo /srv/backup --repo /mnt/offsite
        varve mirror --from-repo /srv/backup --repo /mnt/offsite --read-data
        varve mirror --from-repo /srv/backup --repo /mnt/offsite --no-delete --dry-run
      """)

  @OptionGroup(title: "Source") var from: FromRepositoryOption

  @Flag(help: "Remove nothing at the twin.")
  var noDelete = false

  @Flag(help: "Read and hash what the twin has, and replace what is damaged there.")
  var readData = false

  @Flag(name: [.customShort("n"), .long], help: "Change nothing; say what would be done.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let target: any StorageBackend = try RepositoryAccess(global, console).storage()
    let source = from.access(global, console)
    guard !Self.isOnePlace(try source.storage(), target) else {
      throw VarveError(
        .usage, "source and target are the same place",
        hint: "name the source with --from-repo and the target with --repo")
    }
    let log = try source.log()
    var options = MirrorOptions()
    options.deletes = !noDelete
    options.readsData = readData
    options.dryRun = dryRun
    let display = MirrorDisplay(console)
    let mirror = Mirror(
      from: log, to: target, options: options, observer: display, cancellation: Interruption.flag)
    let reporter = display.start()
    let report: MirrorReport
    do {
      report = try mirror.run()
    } catch {
      reporter.stop()
      throw error
    }
    reporter.stop()
    try MirrorSummary(report).print(on: console)
    guard report.failures.isEmpty else { throw failure(report.failures) }
    return .success
  }

  /// Whether both are one directory, whatever links lead there, or are called the same.
  private static func isOnePlace(_ a: any StorageBackend, _ b: any StorageBackend) -> Bool {
    if a.location == b.location { return true }
    guard let a = a as? LocalStorage, let b = b as? LocalStorage, let identity = a.identity else {
      return false
    }
    return identity == b.identity
  }

  private func failure(_ failures: [MirrorReport.Failure]) -> VarveError {
    let lost = failures.filter { $0.kind == .notAtSource }
    let stuck = failures.count - lost.count
    var sentences: [String] = []
    var hints: [String] = []
    if !lost.isEmpty {
      let whole = lost.count { $0.isWholeAtTarget }
      sentences.append(
        "\(HumanText.count(lost.count, "object")) of the source \(lost.count == 1 ? "is" : "are") damaged or missing"
          + (whole == 0
            ? ""
            : whole == lost.count
              ? ", and whole at the twin" : ", and \(whole) of them whole at the twin"))
      if whole > 0 { hints.append("mirror the other way to bring back what the twin has") }
      if whole < lost.count {
        hints.append("run 'varve check' on the source to see what depends on what is lost")
      }
    }
    if stuck > 0 {
      sentences.append(
        "\(HumanText.count(stuck, "object")) at the twin \(stuck == 1 ? "is" : "are") damaged and may not be replaced"
      )
      hints.append(
        "remove what is damaged at the twin with the rights of its administrator, and mirror again")
    }
    return VarveError(
      .damaged, sentences.joined(separator: "; "), hint: hints.joined(separator: "; "))
  }
}
