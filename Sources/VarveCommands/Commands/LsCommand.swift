import ArgumentParser
import Varve
import VarveFormat

struct LsCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "List the files in a snapshot.",
    discussion: """
      Without directories everything is listed; with them, what lies in each, and with --recursive \
      what lies below, too.

      Examples:
        varve ls latest
        varve ls -l latest /etc
        varve ls --recursive latest:/srv/data logs
        varve ls latest --json | jq -r 'select(.size > 1e9) | .path'
      """)

  @Argument(
    help: ArgumentHelp(
      "ID, latest or latest~N; :path for a part.",
      valueName: "snapshot[:path]"))
  var snapshot: RawArgument

  @Argument(help: ArgumentHelp("Only these directories.", valueName: "directory"))
  var directories: [RawArgument] = []

  @Flag(name: [.short, .long], help: "Show mode, owner, size and time, too.")
  var long = false

  @Flag(help: "With directories: list what lies below them, at any depth.")
  var recursive = false

  @Flag(help: "With --long: sizes in KiB, MiB, …")
  var humanReadable = false

  @OptionGroup(title: "Which latest") var filter: SnapshotFilterOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    .success
  }

  private func line(_ entry: TreeEntry, path: [UInt8], on console: Console) -> [UInt8] {
    var line: [UInt8] = []
    if long {
      let attributes = entry.attributes
      let size = if case .file(let content) = entry.content { content.size } else { UInt64(0) }
      let sizeText = humanReadable ? HumanText.bytes(size) : String(size)
      let columns = [
        EntryText.permissions(entry.type, attributes.mode), String(attributes.uid).leading(5),
        String(attributes.gid).leading(5), sizeText.leading(humanReadable ? 11 : 12),
        EntryText.shortTime(attributes.modified), "",
      ]
      line = Array(columns.joined(separator: " ").utf8)
    }
    line += console.name(path)
    if long, case .link(let target) = entry.content {
      line += Array(" -> ".utf8) + console.name(target)
    }
    return line + [UInt8(ascii: "\n")]
  }
}
