import ArgumentParser
import VarveFormat
import VarveProof
import VarveRepository

struct WitnessCosignCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "cosign",
    abstract: "Ask the witnesses of a policy to cosign the log, and keep what a quorum signed.",
    usage: "varve witness cosign --witness-policy <file> [<options>]",
    discussion: """
      All witnesses of the policy are asked at once, at the URLs that it gives. With a quorum, their cosignatures \
      become an entry of the log; run it after backups, or by a timer. A witness that has cosigned \
      another history of the log is proof of a fork: nothing is appended, both signed heads are kept \
      in a file, and the exit code is 22.

      Example:
        varve witness cosign --witness-policy /etc/varve/witnesses
      """)

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    guard let policy = try access.witnessPolicy() else {
      throw VarveError(
        .usage, "no witness is named", hint: "give --witness-policy, or set VARVE_WITNESS_POLICY")
    }
    let round = try CosigningRound(
      log: try access.unlockedWithoutCosignatures().log, policy: policy,
      isInterrupted: { Interruption.flag.isCancelled })
    let result = try round.run()
    for failure in result.failures {
      console.warning(ByteText.printable("\(failure.error)"))
    }
    if console.isJSON {
      try console.json {
        $0.member("message_type", "cosigned")
        if let entry = result.entry { $0.member("entry", entry) }
        $0.member("size", result.size)
        $0.key("witnesses")
        $0.array { writer in
          for cosignature in result.cosignatures {
            writer.object {
              $0.member("name", cosignature.witness.name)
              $0.member("time", cosignature.time.utcSeconds)
            }
          }
        }
        $0.key("failed")
        $0.array { writer in
          for failure in result.failures {
            writer.object {
              $0.member("name", bytes: failure.witness)
              $0.member("message", "\(failure.error)")
            }
          }
        }
      }
    } else if !console.isQuiet {
      let names = result.cosignatures.map { ByteText.printable($0.witness.name) }
      try console.line(
        "\(HumanText.count(result.size, "entry", "entries")) cosigned by \(names.joined(separator: ", "))"
      )
    }
    return .success
  }
}
