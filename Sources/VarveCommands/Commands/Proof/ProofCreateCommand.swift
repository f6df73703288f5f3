import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository

struct ProofCreateCommand: VarveSubcommand {
  enum Disclosure: String, CaseIterable {
    case path, metadata
  }

  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make a proof that a snapshot has certain files.",
    usage: "varve proof create [<options>] <snapshot[:path]> <file> ... -o <proof>",
    discussion: """
      Size and SHA-256 of each file are shown. Its path and its metadata are not, unless --disclose says so: \
      then only hashes stand for them. Also to be seen are how many entries each directory above the \
      file has and at which place among them the next one lies, and what the log says of the snapshot to anybody.

      --with-content-key also gives away where the content lies in the repository and the keys of those \
      blocks, so that who can read the repository's files can fetch and compare it ('varve proof fetch'). \
      Small files share blocks with others; what would open those, too, is refused without --shared-blocks.

      Needs an owner's or a reader's credential.

      Examples:
        varve proof create latest /srv/contract.pdf -o contract.proof
        varve proof create 79766175 /etc/passwd --disclose path,metadata -o passwd.proof
        varve proof create latest:/srv a.pdf b.pdf --with-content-key -o both.proof
      """)

  @Argument(
    help: ArgumentHelp("ID, latest or latest~N; :path for a part.", valueName: "snapshot[:path]"))
  var snapshot: RawArgument

  @Argument(help: ArgumentHelp("Files in it.", valueName: "file"))
  var files: [RawArgument]

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Where to write the proof.", valueName: "proof"))
  var output: RawArgument

  @Option(
    help: ArgumentHelp(
      "What else to show: path, metadata or both.", valueName: "path,metadata"))
  var disclose: String?

  @Flag(help: "Give away the keys of the files' content.")
  var withContentKey = false

  @Flag(help: "With --with-content-key: also where blocks hold content of other files.")
  var sharedBlocks = false

  @OptionGroup(title: "Which snapshot is the latest") var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  private var disclosures: [Disclosure?] {
    (disclose ?? "").split(separator: ",", omittingEmptySubsequences: disclose == nil)
      .map { Disclosure(rawValue: String($0)) }
  }

  mutating func validate() throws {
    guard !disclosures.contains(nil) else {
      throw ValidationError("--disclose takes path, metadata or path,metadata.")
    }
    if sharedBlocks && !withContentKey {
      throw ValidationError("--shared-blocks is of use only with --with-content-key.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    var options = FileProofOptions()
    options.disclosesPath = disclosures.contains(.path)
    options.disclosesMetadata = disclosures.contains(.metadata)
    options.releasesContent = withContentKey
    options.releasesSharedBlocks = sharedBlocks
    let repository = try RepositoryAccess(global, console).readable()
    let found = try SnapshotAccess(repository.unlocked, filter, on: console)
      .snapshot(named: snapshot.bytes)
    let proof = try FileProofs(repository, options: options, cancellation: Interruption.flag).make(
      of: files.map {
        SnapshotPath(components: found.path.components + SnapshotPath($0.bytes).components)
      }, in: found.id)
    let bytes = proof.bytes
    try OutputFile.write(bytes, to: output)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "proof")
        $0.member("snapshot_id", found.id.hex)
        $0.member("files", proof.files.count)
        $0.member("bytes", bytes.count)
        $0.member("index", proof.log.index)
        $0.member("key", repository.config.logKey)
      }
    } else {
      console.note(
        "\(HumanText.count(proof.files.count, "file")) of snapshot \(found.title) in "
          + "\(bytes.count) bytes; verify with --key \(repository.config.logKey)")
      if withContentKey {
        console.note("whoever has the proof and the repository's objects can read what it is of")
      }
    }
    return .success
  }
}
