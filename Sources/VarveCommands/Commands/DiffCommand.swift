import ArgumentParser
import Varve
import VarveFormat

struct DiffCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what differs between two snapshots.",
    discussion: """
      + added, - removed, T the type changed, M the content changed, U only metadata changed (with \
      --metadata), ? the content changed although nothing else did. What is equal is not read, so \
      it is quick on trees of any size.

      Examples:
        varve diff latest~1 latest
        varve diff 79766175:/etc latest:/etc --metadata
      """)

  @Argument(help: ArgumentHelp("The older one.", valueName: "snapshot[:path]"))
  var first: RawArgument

  @Argument(help: ArgumentHelp("The newer one.", valueName: "snapshot[:path]"))
  var second: RawArgument

  @Flag(help: "Also show what differs only in metadata.")
  var metadata = false

  @OptionGroup(title: "Which latest") var filter: SnapshotFilterOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    .success
  }

  private static func totals(_ totals: Difference.Totals, into writer: inout JSONWriter) {
    writer.object {
      $0.member("files", totals.files)
      $0.member("dirs", totals.directories)
      $0.member("others", totals.others)
      $0.member("data_blobs", totals.dataChunks)
      $0.member("tree_blobs", totals.treeChunks)
      $0.member("bytes", totals.bytes)
    }
  }
}
