import ArgumentParser

/// `varve proposal …`: what needs the agreement of several owners.
struct ProposalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proposal",
    abstract: "List and approve what needs the agreement of several owners.",
    discussion: """
      With 'varve key threshold 2' two owners have to agree before complete snapshots are forgotten, a policy is loosened, a \
      hold is released, or owners are added or removed. One of them gives the command with --propose; another one approves it, \
      and with the last approval that is needed it is carried out.

      Examples:
        varve forget 79766175 --propose
        varve proposal list
        varve proposal approve 812
      """,
    subcommands: [ProposalListCommand.self, ProposalApproveCommand.self])
}
