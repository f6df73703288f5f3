import ArgumentParser
import Varve
import VarveFormat
import VarveRepository

struct PolicySetCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Put a policy in force for a source, or for all that have none of their own.",
    usage: "varve policy set [<options>] (<path> ... | --default) --keep-…",
    discussion: """
      It takes the place of the source's policy as a whole: rules that are not given are not kept.

      Examples:
        varve policy set --default --keep-daily 7 --keep-weekly 5
        varve policy set /etc /home --keep-hourly 24 --keep-daily 30
        varve policy set --host db1 /var/lib/db --keep-within 30d --keep-tag release
      """)

  @OptionGroup var source: PolicySourceOptions
  @OptionGroup(title: "Rules") var retention: RetentionOptions
  @OptionGroup var proposal: ProposeOption
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let change = try PolicyChange(repository)
    let policy = try change.policy(retention.rules)
    let source = try source.source()
    var entry: UInt64?
    let isDone = try proposal.run(in: repository, on: console) {
      entry = try change.set(policy, for: source)
    }
    guard isDone else { return .success }
    let id = try source.map { $0.id(try repository.keys.opaqueIDs()) }
    let isKnown = id.map { id in
      repository.log.state.snapshotsInOrder.contains { $0.source == id }
    }
    if isKnown == false {
      console.warning("there is no snapshot of that host and those paths yet")
    }
    if console.isJSON {
      let report = PolicyReport(try PolicyNames(repository))
      try console.json {
        $0.member("message_type", "policy_set")
        $0.member("changed", entry != nil)
        if let now = repository.log.state.policy(forSource: id) {
          report.members(id, now, into: &$0)
        }
      }
    } else if !console.isQuiet {
      let text = ByteText.printable(retention.rules.description)
      try console.line(entry == nil ? "already in force: \(text)" : "in force: \(text)")
    }
    return .success
  }
}
