import ArgumentParser
import Varve
import VarveFormat
import VarveRepository

struct PolicyListCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List all policies.",
    usage: "varve policy list [<options>]",
    discussion: """
      A source shows by host and paths while there are snapshots of it that the credential can read, else \
      by the beginning of its id in the log.
      """)

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let report = PolicyReport(try PolicyNames(repository))
    let state = repository.log.state
    let own = state.policies.sorted { $0.value.entry < $1.value.entry }
      .map { (id: Digest?.some($0.key), policy: $0.value) }
    let all = (state.defaultPolicy.map { [(id: nil, policy: $0)] } ?? []) + own
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        for (id, policy) in all { writer.object { report.members(id, policy, into: &$0) } }
      }
      writer.endLine()
      try console.write(writer.bytes)
      return .success
    }
    var table = TextTable([("Host", .left), ("Paths", .left), ("Policy", .left), ("Set", .left)])
    for (id, policy) in all {
      let source = report.source(id)
      let time = EntryText.shortTime(WallClock.local(seconds: policy.time.seconds))
      table.add([[source.host], source.paths, [report.text(policy.keep)], [time]])
    }
    let footer = HumanText.count(all.count, "policy", "policies")
    for line in table.lines(footer: footer) { try console.line(line) }
    return .success
  }
}
