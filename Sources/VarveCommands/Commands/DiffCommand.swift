import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct DiffCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what differs between two snapshots.",
    usage: "varve diff [<options>] <snapshot[:path]> <snapshot[:path]>",
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

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).readable()
    let access = try SnapshotAccess(repository.unlocked, filter, on: console)
    let (old, new) = (
      try access.snapshot(named: first.bytes), try access.snapshot(named: second.bytes)
    )
    let reader = CancellableSource(try repository.makeReader(), Interruption.flag)
    let prefix = old.path == new.path && !old.path.isRoot ? old.path.bytes : []
    console.note(level: 2, "comparing snapshot \(old.title) to \(new.title)")
    let report = try Difference(includesMetadata: metadata).compare(
      TreeLookup.directory(at: old.path, below: old.record.rootDirectory, from: reader),
      with: TreeLookup.directory(at: new.path, below: new.record.rootDirectory, from: reader),
      from: reader
    ) { change in
      try Interruption.flag.check()
      let slash = change.isDirectory ? [UInt8(ascii: "/")] : []
      let path = prefix + change.path + slash
      if console.isJSON {
        try console.json(flushing: false) {
          $0.member("message_type", "change")
          $0.member("path", bytes: path)
          $0.member("modifier", change.modifier)
        }
      } else {
        try console.write(
          Array(change.modifier.padded(to: 5).utf8) + console.name(path) + [UInt8(ascii: "\n")])
      }
    }
    try DifferenceSummary(report: report, first: old.id, second: new.id).print(on: console)
    return .success
  }
}
