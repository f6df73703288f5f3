import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository
import VarveVerifier

/// How live objects are compared with storage.
struct AuditObjectsArgument: ExpressibleByArgument {
  let objects: AuditOptions.Objects

  init?(argument: String) {
    guard let objects = AuditOptions.Objects(rawValue: argument) else { return nil }
    self.objects = objects
  }
}

struct AuditCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract:
      "Prove that nothing of the history was altered, lost or let go against the rules. Needs no password.",
    usage: "varve audit [<options>]",
    discussion: """
      Every entry is read from storage and verified: its signature by an author who might sign it then, the author's \
      own chain, its place in the Merkle tree, and that the log continues every checkpoint that is \
      given or was seen before. Then what was done is judged: each snapshot that went must have been let go by the \
      policy that was in force at that moment, nothing that was live may have been swept, claimed times must fit. \
      An audit policy (docs/audit.md) demands more: how far apart backups and checks may be.

      What is proved rests on the log's key: give it with --key, or the policy's line "log", from somebody \
      who knows it ('varve cat config' of the owner). Every writer has the secret half of it: who else made the log \
      is shown by a checkpoint that was kept, by witnesses, or by --config-digest. Keep a checkpoint of each audit (log/checkpoint of the repository) and give it to the next one.

      Exit code 22 means that a link is broken; the first one is named.

      Examples:
        varve audit --key varve/2021…+044feb1b+AUas…
        varve audit --from 2026-01-01 --to 2026-04-01 --policy audit-policy --html quarter.html
        varve audit --checkpoint last-year.checkpoint --objects hash --json
      """)

  @Option(
    help: ArgumentHelp(
      "Judge what was done from then on (default: all): \"2006-01-02 15:04:05\" in local time, or RFC 3339.",
      valueName: "time"))
  var from: TimeArgument?

  @Option(help: ArgumentHelp("Judge what was done until then (default: now).", valueName: "time"))
  var to: TimeArgument?

  @Option(help: ArgumentHelp("The log's verifier key, or a file that has it.", valueName: "vkey"))
  var key: String?

  @Option(
    help: ArgumentHelp(
      "The SHA-256 of the repository's config, which an audit prints, from somebody who knows it: it fixes whose entries count.",
      valueName: "hex"))
  var configDigest: String?

  @Option(help: ArgumentHelp("What is demanded of the repository.", valueName: "file"))
  var policy: RawArgument?

  @Option(
    help: ArgumentHelp(
      "A signed checkpoint that the log has to continue; may be given several times.",
      valueName: "file"))
  var checkpoint: [RawArgument] = []

  @Option(
    help: ArgumentHelp(
      "Compare live objects with storage: none (default), size (presence and size), hash (every byte).",
      valueName: "none|size|hash"))
  var objects: AuditObjectsArgument?

  @Option(help: ArgumentHelp("Also write the report as one HTML page.", valueName: "file"))
  var html: String?

  @OptionGroup var timeTrust: TimeTrustOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if let from, let to, from.timestamp > to.timestamp {
      throw ValidationError("--from is later than --to.")
    }
    if let configDigest, Digest(hex: configDigest) == nil {
      throw ValidationError("--config-digest takes 64 hexadecimal digits.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let storage = try access.storage()
    let options = try options(access)
    var report: AuditReport
    let config: Digest
    do {
      config = try Repository.open(storage: storage).configDigest
      report = try Audit.run(storage: storage, options: options)
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      // Not even what everything else is verified with can be believed.
      try console.output.flush()
      _ = ErrorReport(console).report(error, as: .unproved)
      return .unproved
    }
    if let finding = judge(config, options, report) { report.findings.insert(finding, at: 0) }
    if let html {
      guard ByteText.isUTF8(RawArgument.bytes(html)) else {
        throw VarveError(.usage, "the path of the HTML file is not UTF-8", hint: "use another path")
      }
      try FileWriting.replace(html, with: Array(AuditPage(report).text.utf8))
    }
    if console.isJSON {
      try AuditJSON(report, config: config).print(on: console)
    } else {
      try AuditSummary(report, config: config).print(on: console)
    }
    return report.holds ? .success : .unproved
  }

  /// The log's key is with every writer, and with those that were removed. Only the config says with which key the log of
  /// this repository begins, which none of them has.
  private func judge(
    _ config: Digest, _ options: AuditOptions, _ report: AuditReport
  ) -> AuditFinding? {
    if let configDigest {
      guard Digest(hex: configDigest) != config else { return nil }
      return AuditFinding(
        .broken, .key, object: ObjectName.config,
        "the repository's config has the SHA-256 \(config.hex), not the one that was given")
    }
    let hasQuorum =
      report.timeProofs > 0 && (options.trust.policy ?? options.policy.witnesses) != nil
    guard report.pins.isEmpty, !hasQuorum else { return nil }
    return AuditFinding(
      .notice, .key,
      "any writer, also one that was removed, could have made this log from its first entry; give a --checkpoint that "
        + "was kept, a --witness-policy, or --config-digest \(config.hex) when its owner confirms it"
    )
  }

  private func options(_ access: RepositoryAccess) throws -> AuditOptions {
    var options = AuditOptions()
    options.from = from?.timestamp
    options.to = to?.timestamp
    options.key = try key.map { try ProofVerification.verifierKey($0).text }
    if let policy {
      options.policy = try AuditPolicy(
        parsing: try ListFile.contents(at: policy.bytes), ByteText.printable(policy.bytes))
    }
    if let key = options.key, let other = options.policy.logKey, key != other {
      throw VarveError(.usage, "--key and the policy's line \"log\" name different keys")
    }
    options.checkpoints = try checkpoint.map { path in
      AuditOptions.Pin(
        name: ByteText.printable(path.bytes), bytes: try ListFile.contents(at: path.bytes))
    }
    options.objects = objects?.objects ?? .none
    options.trust = TimeTrust(
      policy: try access.witnessPolicy(), authorities: try timeTrust.authorities())
    options.client = try access.client()
    options.cancellation = Interruption.flag
    return options
  }
}
