import ArgumentParser
import Glibc
import Varve
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository
import VarveVerifier

struct ProofFetchCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Fetch the content that a proof releases, and compare it. Needs no password.",
    usage: "varve proof fetch [<options>] <proof> --key <vkey>",
    discussion: """
      The proof was made with --with-content-key. First it is verified; then the content of each file is read \
      from the repository, decrypted with the keys in the proof, and compared with the SHA-256 that is proved. \
      With --output it is written to a file, which is there only if it is right.

      Example:
        varve proof fetch contract.proof --key log.vkey -r /mnt/copy-of-the-repository -o contract.pdf
      """)

  @Argument(help: "The proof.")
  var proof: RawArgument

  @Option(help: ArgumentHelp("The log's verifier key, or a file that has it.", valueName: "vkey"))
  var key: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to write the content; of a proof of one file.", valueName: "file"))
  var output: RawArgument?

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let name = ByteText.printable(proof.bytes)
    let verifierKey = try ProofVerification.verifierKey(key)
    let bytes = try InputFile.read(proof.bytes, limit: FileProof.largestByteCount)
    let proved: ProvedFiles
    do {
      proved = try FileProof(bytes, name).verify(by: verifierKey)
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.unproved, "\(name) is no proof of files", cause: error)
    }
    guard proved.files.allSatisfy({ $0.content != nil }) else {
      throw VarveError(
        .usage, "\(name) does not release the content of its files",
        hint: "have one made with 'varve proof create --with-content-key'")
    }
    guard output == nil || proved.files.count == 1 else {
      throw VarveError(.usage, "--output takes the content of one file; the proof is of several")
    }
    let reader = try ReleasedContentReader(
      storage: RepositoryAccess(global, console).storage(),
      repository: proved.entry.statement.repository)
    for file in proved.files { try fetch(file, reader) }
    let report = ProofReport(proved, file: nil)
    if console.isJSON {
      try console.line(report.json.canonicalText)
    } else if !console.isQuiet {
      for line in report.lines { try console.line(line) }
      try console.line("the content in the repository is that of which the proof is")
    }
    return .success
  }

  private func fetch(_ file: ProvedFiles.File, _ reader: ReleasedContentReader) throws {
    guard let content = file.content else { return }
    guard let output else {
      return try reader.read(content, size: file.size, digest: file.digest) { _ in
        try Interruption.flag.check()
      }
    }
    try OutputFile.make(output.bytes) { target in
      try reader.read(content, size: file.size, digest: file.digest) { bytes in
        try Interruption.flag.check()
        try target.write(bytes)
      }
      try target.flush()
    }
  }
}
