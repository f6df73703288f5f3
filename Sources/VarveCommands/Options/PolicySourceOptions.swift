import ArgumentParser
import Varve
import VarveOperations

/// For which source a policy is.
struct PolicySourceOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The files and directories that are backed up together, as given to 'varve backup'.",
      valueName: "path"))
  var paths: [RawArgument] = []

  @Option(help: ArgumentHelp("The host that is backed up (default: this one).", valueName: "host"))
  var host: String?

  @Flag(name: .customLong("default"), help: "Every source that has no policy of its own.")
  var isDefault = false

  mutating func validate() throws {
    if isDefault == !paths.isEmpty {
      throw ValidationError("Give the paths of a source, or --default.")
    }
    if isDefault && host != nil { throw ValidationError("--default is for every host.") }
  }

  /// Nil for the default.
  func source() throws -> SnapshotSource? {
    guard !isDefault else { return nil }
    return try SnapshotSource(
      backingUp: paths.map(\.bytes), host: host.map(RawArgument.bytes))
  }
}
