import ArgumentParser
import Varve
import VarveFormat

struct DumpCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Write a file, or a directory as a tar archive, to standard output.",
    discussion: """
      Every chunk is verified before it is written. A directory comes as a tar stream in the pax \
      format, with extended attributes, ACLs, hard links and holes as GNU tar reads them.

      Examples:
        varve dump latest /etc/passwd
        varve dump latest~3 /var/lib/app/db.sqlite --target /tmp/db.sqlite
        varve dump latest /srv/data | tar -xpf - -C /mnt
        varve dump latest:/srv/data / --archive tar | zstd > data.tar.zst
      """)

  @Argument(
    help: ArgumentHelp(
      "ID, latest or latest~N; :path for a part.",
      valueName: "snapshot[:path]"))
  var snapshot: RawArgument

  @Argument(help: ArgumentHelp("The file or directory in it.", valueName: "path"))
  var path: RawArgument

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The format for a directory; a file becomes an archive of one file.", valueName: "tar"))
  var archive: ArchiveArgument?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("Write to this file instead.", valueName: "file"))
  var target: RawArgument?

  @OptionGroup(title: "Which latest") var filter: SnapshotFilterOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  enum ArchiveArgument: String, ExpressibleByArgument, CaseIterable { case tar }

  func execute(on console: Console) throws -> ExitStatus {
    .success
  }
}
