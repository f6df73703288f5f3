import ArgumentParser
import Varve
import VarveFormat
import VarveOperations

/// Where a backup's data comes from.
struct SourceOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Files and directories; with --stdin-from-command, the command and its arguments.",
      valueName: "path"))
  var paths: [RawArgument] = []

  @Option(
    help: ArgumentHelp(
      "Read paths from a file, one glob pattern a line; - is standard input.", valueName: "file"))
  var filesFrom: [RawArgument] = []

  @Option(
    help: ArgumentHelp("Read paths from a file, one a line, as they stand.", valueName: "file"))
  var filesFromVerbatim: [RawArgument] = []

  @Option(
    help: ArgumentHelp("Read paths from a file, each ended by a NUL byte.", valueName: "file"))
  var filesFromRaw: [RawArgument] = []

  @Flag(help: "Save what comes on standard input, as one file.")
  var stdin = false

  @Flag(help: "Save what a command prints, as one file; if it fails, nothing is saved.")
  var stdinFromCommand = false

  @Option(help: ArgumentHelp("The name of that file.", valueName: "name"))
  var stdinFilename: RawArgument?

  private static let defaultName: [UInt8] = Array("stdin".utf8)

  mutating func validate() throws {
    if stdin && stdinFromCommand {
      throw ValidationError("--stdin and --stdin-from-command exclude each other.")
    }
    let hasLists = !(filesFrom + filesFromVerbatim + filesFromRaw).isEmpty
    if stdin && !(paths.isEmpty && !hasLists) {
      throw ValidationError("With --stdin there are no other paths to save.")
    }
    if stdinFromCommand && hasLists {
      throw ValidationError("With --stdin-from-command there are no other paths to save.")
    }
    if stdinFromCommand && paths.isEmpty {
      throw ValidationError("--stdin-from-command needs a command: … -- command arguments")
    }
    if stdinFilename != nil && !stdin && !stdinFromCommand {
      throw ValidationError("--stdin-filename needs --stdin or --stdin-from-command.")
    }
    let readsInput = (filesFrom + filesFromVerbatim + filesFromRaw).filter { $0.bytes == [0x2d] }
    if readsInput.count > 1 { throw ValidationError("Only one list can be standard input.") }
  }

  /// Reads the lists and says what to save.
  func source(warn: ([UInt8]) -> Void) throws -> BackupOptions.Source {
    let name = stdinFilename?.bytes ?? SourceOptions.defaultName
    if stdin { return .standardInput(name: name) }
    if stdinFromCommand {
      return .command(paths.map(\.bytes), name: name)
    }
    var all = paths.map(\.bytes)
    for list in filesFrom {
      all += try FilesFrom.patterns(at: list.bytes, unmatched: warn)
    }
    for list in filesFromVerbatim { all += try FilesFrom.lines(at: list.bytes) }
    for list in filesFromRaw { all += try FilesFrom.raw(at: list.bytes) }
    guard !all.isEmpty else {
      throw VarveError(.usage, "there is nothing to save", hint: "name files or directories")
    }
    return .paths(all)
  }
}
