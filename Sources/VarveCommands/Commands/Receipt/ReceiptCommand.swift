import ArgumentParser

/// `varve receipt …`: what was done with the repository, as the log has it.
struct ReceiptCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receipt",
    abstract: "List and export signed records of checks, restores, copies and prunes.",
    discussion: """
      Each of these commands leaves an entry in the log: what was done, with which result, counts, digests, \
      start and end. Exported, with the proof that it is in the log, it can be shown to anybody.

      Examples:
        varve receipt list
        varve receipt export 12 -o receipt.json
        varve proof verify receipt.json --key log.vkey
      """,
    subcommands: [ReceiptListCommand.self, ReceiptExportCommand.self])
}
