import ArgumentParser
import VarveFormat
import VarveProof
import VarveRepository

struct ProposalListCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List proposals that were not carried out. Needs no password.",
    usage: "varve proposal list [<options>]")

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let state = try access.opened().openLog(client: try access.client()).state
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        for proposal in state.openProposals { Self.members(proposal, state, into: &writer) }
      }
      writer.endLine()
      try console.write(writer.bytes)
      return .success
    }
    var table = TextTable([
      ("Entry", .right), ("Time", .left), ("By", .left), ("Agree", .left), ("What", .left),
    ])
    for proposal in state.openProposals {
      table.add([
        "\(proposal.entry)", EntryText.shortTime(WallClock.local(seconds: proposal.time.seconds)),
        String(proposal.author.text.prefix(8)),
        "\(state.agreement(to: proposal).count) of \(state.threshold)",
        "\(proposal.action.kind): \(proposal.action.summary)",
      ])
    }
    for line in table.lines() { try console.line(line) }
    return .success
  }

  private static func members(
    _ proposal: LogState.Proposal, _ state: LogState, into writer: inout JSONWriter
  ) {
    writer.object {
      $0.member("entry", proposal.entry)
      $0.member("time", proposal.time.utcSeconds)
      $0.member("author", proposal.author.text)
      $0.member("kind", proposal.action.kind)
      $0.member("text", proposal.action.summary)
      $0.member("agree", state.agreement(to: proposal).map(\.text).sorted())
      $0.member("needed", state.threshold)
    }
  }
}
