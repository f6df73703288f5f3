import ArgumentParser
import Varve

/// How a restore writes, and what it does about files that are there already.
struct RestoreWritingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What to do about files that exist; if-changed takes those of the same size and time for equal, and so goes on with an interrupted restore.",
      valueName: "when"))
  var overwrite: OverwriteArgument = .always

  @Flag(help: "Delete from restored directories what the snapshot does not have.")
  var delete = false

  @Flag(help: "Do not write runs of zeros: they become holes.")
  var sparse = false

  @Flag(help: "Give files to the owners of the same name, not of the same number.")
  var ownershipByName = false

  @Flag(help: "Read everything back and compare it with the snapshot.")
  var verify = false

  @Flag(
    name: [.customShort("n"), .long],
    help: "Say what would be done (with -v, each item), and do nothing.")
  var dryRun = false

  var isGiven: Bool {
    overwrite.rule != .always || delete || sparse || ownershipByName || verify || dryRun
  }

  func apply(to options: inout RestoreOptions) {
    options.overwrite = overwrite.rule
    options.delete = delete
    options.sparse = sparse
    options.ownershipByName = ownershipByName
    options.verify = verify
    options.dryRun = dryRun
  }
}
