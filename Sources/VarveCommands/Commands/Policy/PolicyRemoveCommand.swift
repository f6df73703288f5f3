import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct PolicyRemoveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Take a policy out of force.",
    usage: "varve policy remove [<options>] (<path> ... | --source <id> | --default)",
    discussion: """
      The default policy then applies to the source, if there is one. Needs an owner's credential.

      Examples:
        varve policy remove /etc /home
        varve policy remove --source 5c8f01a2
      """)

  @Argument(
    help: ArgumentHelp(
      "The files and directories that are backed up together.", valueName: "path"))
  var paths: [RawArgument] = []

  @Option(help: ArgumentHelp("The host that is backed up (default: this one).", valueName: "host"))
  var host: String?

  @Option(
    name: .customLong("source"),
    help: ArgumentHelp(
      "The beginning of the source's id, as 'varve policy list' shows it.", valueName: "id"))
  var sourceID: String?

  @Flag(name: .customLong("default"), help: "The policy of sources that have none of their own.")
  var isDefault = false

  @OptionGroup var proposal: ProposeOption
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    let given = [!paths.isEmpty, sourceID != nil, isDefault].count { $0 }
    if given != 1 { throw ValidationError("Give the paths of a source, --source or --default.") }
    if host != nil && paths.isEmpty { throw ValidationError("--host needs the paths.") }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let change = try PolicyChange(repository)
    let id: Digest?
    if let sourceID {
      id = try find(sourceID, repository.log.state)
    } else if isDefault {
      id = nil
    } else {
      let source = try SnapshotSource(
        backingUp: paths.map(\.bytes), host: host.map(RawArgument.bytes))
      id = source.id(try repository.keys.opaqueIDs())
    }
    let isDone = try proposal.run(in: repository, on: console) { _ = try change.remove(id: id) }
    guard isDone else { return .success }
    if console.isJSON {
      let report = PolicyReport(try PolicyNames(repository))
      try console.json {
        $0.member("message_type", "policy_removed")
        report.members(id, into: &$0)
      }
    } else if !console.isQuiet {
      try console.line("removed the policy")
    }
    return .success
  }

  private func find(_ prefix: String, _ state: LogState) throws -> Digest {
    let matches = state.policies.keys.filter { $0.hex.hasPrefix(prefix.lowercased()) }
    guard let id = matches.first, matches.count == 1, !prefix.isEmpty else {
      throw VarveError(
        .notFound, "\(matches.count) sources with a policy have an id that begins with \(prefix)",
        hint: "see 'varve policy list'")
    }
    return id
  }
}
