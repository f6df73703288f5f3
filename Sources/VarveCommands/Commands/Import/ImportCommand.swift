import ArgumentParser

/// `varve import …`: snapshots from what other programs made.
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make snapshots of archives that other programs made.",
    subcommands: [ImportTarCommand.self])
}
