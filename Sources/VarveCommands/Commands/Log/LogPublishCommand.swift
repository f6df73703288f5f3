import ArgumentParser
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository

struct LogPublishCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: "Write the log as static files that any transparency-log client can verify.",
    usage: "varve log publish [<options>] <directory>",
    discussion: """
      The directory gets a checkpoint and the tiles of C2SP tlog-tiles; serve it with any web server. \
      Publishing again adds what is new. With an owner's or writer's credential the newest head is \
      signed; with --stored the checkpoint that the repository has is used, and no password is needed.

      Example:
        varve log publish /srv/www/log
      """)

  @Argument(help: ArgumentHelp("The directory; it is made if need be.", valueName: "directory"))
  var directory: String

  @Flag(help: "Publish the stored checkpoint; needs no password.")
  var stored = false

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let log =
      stored
      ? try access.log() : try access.unlocked().log
    let head = try log.publish(to: directory)
    let root = Base64.encode(head.root.bytes)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "published")
        $0.member("directory", bytes: RawArgument.bytes(directory))
        $0.member("size", head.size)
        $0.member("root", root)
      }
    } else if !console.isQuiet {
      try console.line("published \(HumanText.count(head.size, "entry", "entries")), root \(root)")
    }
    return .success
  }
}
