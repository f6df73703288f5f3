import ArgumentParser
import Varve
import VarveFormat
import VarveOperations

/// What a backup writes into the snapshot's record.
struct RecordOptions: ParsableArguments {
  @Option(
    name: [.customShort("H"), .long],
    help: ArgumentHelp("The host name (default: this host's).", valueName: "name"))
  var host: RawArgument?

  @Option(
    name: .customLong("tag"), help: ArgumentHelp("Tags; may be repeated.", valueName: "tag[,tag…]"))
  var tags: [String] = []

  @Option(
    help: ArgumentHelp("Anything worth knowing later; may be repeated.", valueName: "key=value"))
  var meta: [String] = []

  @Option(
    help: ArgumentHelp(
      "The time: \"2006-01-02 15:04:05\" in local time, or RFC 3339 (default: now).",
      valueName: "time"))
  var time: TimeArgument?

  @Option(
    help: ArgumentHelp(
      "The path of the one directory or file given, instead of its own.", valueName: "path"))
  var asPath: RawArgument?

  mutating func validate() throws {
    for pair in meta {
      guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
        throw ValidationError("--meta wants KEY=VALUE, not \"\(pair)\".")
      }
    }
  }

  func apply(to options: inout BackupOptions) throws {
    options.host = host?.bytes
    options.tags = tags.flatMap(TagList.parse)
    options.time = time?.timestamp
    options.asPath = asPath?.bytes
    for pair in meta {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard options.meta.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
        throw VarveError(.usage, "--meta \(parts[0]) is given twice", hint: "keys are unique")
      }
    }
  }
}
