import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository
import VarveStorage

struct InitCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a new repository.",
    usage: "varve init [<options>]",
    discussion: """
      The password protects the repository's keys; whoever has it is the owner. There is no way \
      back to a forgotten password, so print a recovery key and put it in a safe: varve key export.

      Chunk sizes and pack size are fixed for the repository's life. Smaller chunks find more \
      duplicates in databases and images, and cost more memory and index.

      Examples:
        varve init -r /srv/backup
        varve init -r /srv/backup -p ~/.varve-password --new-key-file /root/varve.key
        varve init -r /srv/db --chunker-min 16K --chunker-target 16K --chunker-max 256K
      """)

  @Option(
    name: [.customLong("new-key-file"), .customLong("key-file-out")],
    help: ArgumentHelp(
      "Also write a key file that unlocks without a password, for unattended machines.",
      valueName: "file"))
  var newKeyFile: String?

  @Option(help: ArgumentHelp("A name for the first credential.", valueName: "text"))
  var label: String = ""

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

  @OptionGroup var passwordCost: PasswordCostOption
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let options = try options()
    let access = RepositoryAccess(global, console)
    let storage = try access.storage()
    let client = try access.client()
    let secret = try access.newSecret()
    let keyFile = try newKeyFile.map { try KeyFileOutput(creating: $0) }
    if try storage.size(ObjectName.config) == nil { try storage.create() }
    let repository = try Repository.initialize(
      storage: storage, secret: secret, options: options, client: client)
    if let keyFile { _ = try repository.addKeyFile(label: label) { try keyFile.write($0) } }
    if console.isJSON {
      try console.json {
        $0.member("message_type", "initialized")
        $0.member("id", repository.config.id.hex)
        $0.member("repository", storage.location)
        if let keyFile { $0.member("key_file", bytes: RawArgument.bytes(keyFile.path)) }
      }
    } else if !console.isQuiet {
      try console.line(
        "created repository \(repository.config.id.hex.prefix(10)) at \(storage.location)")
      if let keyFile { try console.line("wrote key file \(keyFile.name)") }
      console.note(
        "Without the password nothing can be restored. Keep a recovery key in a safe place: "
          + "varve key export")
    }
    return .success
  }

  private func options() throws -> InitOptions {
    let standard = RepositoryConfig.ChunkSizes.standard
    func count(_ size: ByteSize?, _ standard: Int) -> Int {
      size.map { Int(clamping: $0.bytes) } ?? standard
    }
    let chunkSizes = try RepositoryConfig.ChunkSizes(
      min: count(chunkerMin, standard.min), target: count(chunkerTarget, standard.target),
      max: count(chunkerMax, standard.max))
    let packSize = count(packSize, RepositoryConfig.standardPackSize)
    guard RepositoryConfig.packSizes.contains(packSize) else {
      throw VarveError(
        .usage, "a pack size of \(packSize) bytes is not possible", hint: "use 4 KiB to 1 GiB")
    }
    return InitOptions(
      chunkSizes: chunkSizes, packSize: packSize, label: label,
      passwordCost: try passwordCost.cost() ?? .standard)
  }
}
