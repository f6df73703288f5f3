import ArgumentParser
import VarveFormat
import VarveOperations
import VarveVerifier

struct ProofVerifyCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Verify a proof. Needs no repository and no password.",
    usage: "varve proof verify [<options>] <proof> --key <vkey>",
    discussion: """
      The proof is one of files, a drill's (proof.json), or a log entry as 'varve receipt export' and 'varve cat \
      entry' give it, with its log proof ('varve log prove') beside it. The key must come from somebody whom you trust, not with the proof.

      Exit code 22 means that it does not hold; the message names the first link that does not. A log proof without \
      the author's key, as older versions wrote it, proves nobody's word. varve-verify does the same and is a program of its own.

      Examples:
        varve proof verify contract.proof --key log.vkey --file contract.pdf
        varve proof verify receipt.json --key 'varve/2021…+044feb1b+AUas…'
      """)

  @Argument(help: "The proof.")
  var proof: RawArgument

  @Option(help: ArgumentHelp("The log's verifier key, or a file that has it.", valueName: "vkey"))
  var key: String

  @Option(help: ArgumentHelp("Require that this file is one of the proof's.", valueName: "file"))
  var file: RawArgument?

  @Option(
    help: ArgumentHelp("The log proof of an entry (default: PROOF.tlog-proof).", valueName: "file"))
  var logProof: RawArgument?

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let report = try ProofVerification(
      proof: proof.bytes, logProof: logProof?.bytes, key: key, file: file?.bytes
    ).run()
    if console.isJSON {
      try console.line(report.json.canonicalText)
    } else if !console.isQuiet {
      for line in report.lines { try console.line(line) }
    }
    return .success
  }
}
