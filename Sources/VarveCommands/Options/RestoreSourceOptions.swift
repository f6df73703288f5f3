import ArgumentParser

/// Which sources of the configuration go back to their places.
struct RestoreSourceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Restore sources of this profile.", valueName: "name"))
  var profile: String?

  @Option(
    name: .customLong("source"),
    help: ArgumentHelp("Only this one; may be repeated.", valueName: "name"))
  var sources: [String] = []

  @Option(
    help: ArgumentHelp(
      "The newest that is not younger than this (default: the newest).", valueName: "time"))
  var at: TimeArgument?

  @Flag(help: "Do not ask about sensitive sources.")
  var yes = false

  @OptionGroup var configuration: ConfigurationOptions

  mutating func validate() throws {
    if profile == nil, !sources.isEmpty || at != nil || yes {
      throw ValidationError("--source, --at and --yes need --profile.")
    }
  }
}
