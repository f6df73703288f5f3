import ArgumentParser
import VarveFormat
import VarveRepository

struct InitCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a new repository.",
    discussion: """
      The password protects the repository's keys; whoever has it is the owner. There is no way \
      back to a forgotten password, so print a recovery key and put it in a safe: varve key export.

      Chunk sizes and pack size are fixed for the repository's life. Smaller chunks find more \
      duplicates in databases and images, and cost more memory and index.

      Examples:
        varve init -r /srv/backup
        varve init -r /srv/backup -p ~/.varve-password --key-file-out /root/varve.key
        varve init -r /srv/databases --chunker-min 16K --chunker-target 16K --chunker-max 256K
      """)

  @Option(
    help: ArgumentHelp(
      "Also write a key file that unlocks without a password, for unattended machines.",
      valueName: "file"))
  var keyFileOut: RawArgument?

  @Option(help: ArgumentHelp("A name for the first credential.", valueName: "text"))
  var label: String?

  @Option(
    help: ArgumentHelp("Size up to which packs are filled (default: 32M).", valueName: "size"))
  var packSize: ByteSize?

  @Option(help: ArgumentHelp("Smallest chunk (default: 512K).", valueName: "size"))
  var chunkerMin: ByteSize?

  @Option(
    help: ArgumentHelp(
      "Chunks are min + target bytes on average; a power of two (default: 512K).",
      valueName: "size"))
  var chunkerTarget: ByteSize?

  @Option(help: ArgumentHelp("Largest chunk (default: 8M).", valueName: "size"))
  var chunkerMax: ByteSize?

  @OptionGroup(title: "Global options") var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    .success
  }
}
