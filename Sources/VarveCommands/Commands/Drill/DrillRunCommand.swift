import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository

struct DrillRunCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run drills of a profile.",
    usage: "varve drill run [<options>] <profile> [<drill> …]",
    discussion: """
      Without names all drills of the profile are run, one after the other. What is restored lies in a private directory \
      below TMPDIR (default: /var/tmp) and is removed afterwards. The log says before anything is read that a drill \
      begins, and afterwards what came of it.

      With --challenge an auditor chooses the sample: 64 hexadecimal digits that were not known before. Whoever can list \
      the snapshots can compute which files they choose.

      Exit code 23 means that a drill failed; its steps say what.

      Examples:
        varve drill run nightly
        varve drill run nightly quarterly --challenge "$(openssl rand -hex 32)" --output proofs/2026-q1
        varve drill run nightly --note-file decision.md --json
      """)

  @Argument(help: ArgumentHelp("The profile.", valueName: "profile"))
  var profile: String

  @Argument(help: ArgumentHelp("Its drills; all of them when none is named.", valueName: "drill"))
  var drills: [String] = []

  @Option(
    help: ArgumentHelp(
      "Choose the sample by this challenge: 64 hexadecimal digits (default: random).",
      valueName: "hex"))
  var challenge: String?

  @Option(
    help: ArgumentHelp(
      "Which of the profile's repositories to restore from (default: its first).",
      valueName: "name"))
  var from: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Write the proof document and the list of files there; of several drills, each into a directory of its name.",
      valueName: "directory"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Put this text into the document, such as the record of a decision; may be given several times.",
      valueName: "file"))
  var noteFile: [String] = []

  @Flag(help: "Keep what was restored, and say where it is.")
  var keep = false

  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  private static let noteByteLimit = 1 << 20

  func execute(on console: Console) throws -> ExitStatus {
    let configuration = try configuration.load(on: console)
    let profile = try configuration.profile(profile)
    let chosen = try chosenDrills(of: profile)
    var options = DrillRun.Options(
      base: DrillDirectory.standardBase(ProcessEnvironment.current.variables))
    options.keeps = keep
    options.notes = try notes()
    if let challenge {
      guard let digest = Digest(hex: challenge.lowercased()) else {
        throw VarveError(
          .usage, "--challenge is not 64 hexadecimal digits",
          hint: "make one with 'openssl rand -hex 32'")
      }
      options.challenge = digest
    }
    let operation = DrillOperation(
      configuration, client: try global.client(of: configuration, on: console),
      cancellation: Interruption.flag, note: { console.note($0) },
      warn: { console.warning(ByteText.printable($0)) })
    var failed: [DrillRecord] = []
    for drill in chosen {
      let directory = output.map { chosen.count == 1 ? $0 : "\($0)/\(drill.name)" }
      if let directory {
        try FileWriting.makeDirectory(directory, mode: 0o755)
        options.listFile = directory + "/sample.txt"
      }
      let report = DrillSummary(console, profile: profile.name, drill: drill.name)
      report.begin()
      let outcome = try operation.run(
        drill, of: profile, repository: from, options: options, observe: report.step)
      if let directory { try DrillStore.write(DrillDocument(outcome), to: directory) }
      try report.end(outcome, directory: directory)
      if outcome.isInterrupted { return .interrupted }
      if !outcome.record.hasPassed { failed.append(outcome.record) }
    }
    guard let first = failed.first else { return .success }
    throw VarveError(
      .drillFailed,
      (failed.count == 1
        ? "the drill \(first.drill) failed" : "\(failed.count) of \(chosen.count) drills failed")
        + (first.summary.map { ": \($0)" } ?? ""),
      hint: "'varve drill show \(first.id.prefix(8))' has all steps and their outputs")
  }

  private func chosenDrills(of profile: Profile) throws -> [Drill] {
    guard !profile.drills.isEmpty else {
      throw VarveError(
        .notFound, "the profile \(profile.name) has no drills",
        hint: "declare one in the operator's file (docs/drills.md)")
    }
    guard !drills.isEmpty else { return profile.drills }
    return try drills.map { name in
      guard let drill = profile.drills.first(where: { $0.name == name }) else {
        throw VarveError(
          .notFound, "the profile \(profile.name) has no drill \(ByteText.printable(name))",
          hint: "it has \(profile.drills.map(\.name).joined(separator: ", "))")
      }
      return drill
    }
  }

  private func notes() throws -> [DrillRecord.Note] {
    try noteFile.map { path in
      let bytes = try SmallFile.bytes(at: path)
      let name = ByteText.printable(RawArgument.bytes(path))
      guard bytes.count <= Self.noteByteLimit, let text = String(validating: bytes, as: UTF8.self)
      else { throw VarveError(.usage, "\(name) is not UTF-8 text of at most 1 MiB") }
      return DrillRecord.Note(
        name: String(name.split(separator: "/").last ?? "note"), text: text)
    }
  }
}
