import ArgumentParser

/// `varve schedule …`: when what is due, and who is to see to that.
struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "Show when profiles are due, and have systemd or cron run them.",
    discussion: """
      Examples:
        varve schedule show
        sudo varve schedule install
        varve schedule install --user
        varve schedule install --cron --output .
        sudo varve schedule remove
      """,
    subcommands: [
      ScheduleShowCommand.self, ScheduleInstallCommand.self, ScheduleRemoveCommand.self,
    ])
}
