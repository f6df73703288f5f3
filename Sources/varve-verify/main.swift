import ArgumentParser
import Glibc
import VarveFormat
import VarveVerifier

/// Verifies proofs that varve has made: needs neither a repository nor a password, and nothing that can read one.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "varve-verify",
    abstract: "Verify that a file is in a snapshot, or an entry in the log, of a Varve repository.",
    discussion: """
      PROOF is what 'varve proof create' has made, a drill's proof.json, or a log entry as 'varve receipt export' and \
      'varve cat entry' give it, with its log proof beside it (PROOF.tlog-proof). The key must come from \
      somebody whom you trust, not with the proof.

      Exit codes: 0 proved, 22 not proved (the message names the first link that does not hold), 64 wrong usage, \
      1 a file cannot be read.
      """,
    version: ProgramVersion.program)

  @Argument(help: "The proof.") var proof: String

  @Option(help: ArgumentHelp("The log's verifier key, or a file that has it.", valueName: "vkey"))
  var key: String

  @Option(help: ArgumentHelp("Require that this file is one of the proof's.", valueName: "file"))
  var file: String?

  @Option(
    help: ArgumentHelp(
      "The log proof of an entry (default: PROOF.tlog-proof).", valueName: "file"))
  var logProof: String?

  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let verification = ProofVerification(
      proof: Array(proof.utf8), logProof: logProof.map { Array($0.utf8) }, key: key,
      file: file.map { Array($0.utf8) })
    do {
      let report = try verification.run()
      print(json ? report.json.canonicalText : report.lines.joined(separator: "\n"))
    } catch let error as VarveError {
      var text = "varve-verify: error: \(ByteText.printable(error.description))\n"
      if let hint = error.hint { text += "varve-verify: hint: \(ByteText.printable(hint))\n" }
      _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
      let code: Int32 =
        switch error.code {
        case .unproved, .damaged: 22
        case .usage: 64
        default: 1
        }
      throw ExitCode(code)
    }
  }
}

VerifyCommand.main()
