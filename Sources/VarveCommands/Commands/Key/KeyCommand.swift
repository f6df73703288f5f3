import ArgumentParser

/// `varve key …`: credentials.
struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "List, add, remove, change and rotate passwords and key files.",
    discussion: """
      A repository may have any number of credentials, each with a role: an owner may do everything, \
      a writer makes snapshots and can read none, a reader restores and changes nothing. Every \
      change is an entry in the log.

      Examples:
        varve key list
        varve key add --role writer --new-key-file /etc/varve/writer.key --label web1
        varve key passwd
        varve key rotate
        varve key threshold 2
        varve key remove 5c8f01a2
        varve key export recovery.txt
      """,
    subcommands: [
      KeyListCommand.self, KeyAddCommand.self, KeyRemoveCommand.self, KeyPasswdCommand.self,
      KeyRotateCommand.self, KeyThresholdCommand.self, KeyExportCommand.self, KeyImportCommand.self,
    ])
}
