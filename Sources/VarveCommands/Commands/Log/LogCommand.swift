import ArgumentParser

/// `varve log …`: the history of the repository.
struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Show, verify, prove and publish the signed history of the repository.",
    discussion: """
      Every change (a snapshot, a forget, a credential, a check) is an entry in an append-only \
      Merkle tree, signed by its author. show, verify and prove need no password: anybody who can read the \
      repository can audit it.

      Examples:
        varve log show
        varve log verify
        varve log publish /srv/www/log
      """,
    subcommands: [
      LogShowCommand.self, LogVerifyCommand.self, LogProveCommand.self, LogPublishCommand.self,
    ])
}
