import ArgumentParser

/// `varve config …`: the operator's file.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Check and show the file that says what is backed up, when and to where.",
    discussion: """
      Examples:
        varve config check
        varve config show --config /etc/varve/varve.yaml
        varve config schema > varve.schema.json
      """,
    subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self, ConfigSchemaCommand.self])
}
