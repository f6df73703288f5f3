import ArgumentParser
import Glibc
import VarveFormat
import VarveOperations
import VarveStorage

struct ScheduleRemoveCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Take back what 'varve schedule install' has done.",
    usage: "varve schedule remove [--systemd | --cron] [--user] [--output <directory>]",
    discussion: "Files that were written by somebody else stay.")

  @OptionGroup var files: ScheduleFiles
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    guard let directory = try files.directory() else {
      throw VarveError(
        .usage, "a user's table of cron is the user's own",
        hint: "remove the lines with 'crontab -e'")
    }
    let paths = try files.names.map { "\(directory)/\($0)" }.filter {
      try ScheduleFiles.isOurs($0) == true
    }
    guard !paths.isEmpty else {
      throw VarveError(
        .notFound, "nothing that 'varve schedule install' wrote lies in \(directory)",
        hint: "give --cron, --user or --output as it was given then")
    }
    if files.isForSystemd {
      try files.tell([["disable", "--now", ScheduleFiles.timer]], on: console)
    }
    for path in paths {
      guard unlink(RawArgument.cString(path)) == 0 else {
        throw VarveError(system: errno, "cannot remove \(ByteText.printable(path))")
      }
      if !console.isQuiet { try console.line(path) }
    }
    if files.isForSystemd { try files.tell([["daemon-reload"]], on: console) }
    return .success
  }
}
