import ArgumentParser
import VarveFormat
import VarveProof
import VarveRepository

struct LogVerifyCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Verify every entry of the log. Needs no password.",
    usage: "varve log verify [<options>]",
    discussion: """
      Reads the whole log and verifies each signature, each author's role and chain, every Merkle hash, \
      the checkpoint, stored tiles, and that the log continues what this machine has seen before. \
      Exit code 20 means damage, 22 a rollback or an entry that is not authorised.
      """)

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let log = try access.log()
    let result = try log.verifyAll()
    for failure in result.failures {
      console.status.print(
        "varve: error: \(failure.name): \(ByteText.printable(failure.error.description))")
      if let hint = failure.error.hint {
        console.status.print("varve: hint: \(ByteText.printable(hint))")
      }
    }
    let root = Base64.encode(result.head.root.bytes)
    let snapshots = log.state.snapshots.count
    if console.isJSON {
      try console.json {
        $0.member("message_type", "verified")
        $0.member("origin", log.config.origin)
        $0.member("size", result.head.size)
        $0.member("root", root)
        $0.member("commits", result.commitCount)
        if let size = result.checkpointSize { $0.member("checkpoint_size", size) }
        $0.member("tiles", result.tileCount)
        $0.member("snapshots", snapshots)
        $0.member("damaged", result.failures.map(\.name))
      }
    } else if !console.isQuiet {
      try console.line(log.config.origin)
      try console.line(
        "\(HumanText.count(result.head.size, "entry", "entries")) in "
          + "\(HumanText.count(result.commitCount, "commit")) verified, root \(root)")
      try console.line(
        result.checkpointSize.map { "checkpoint of size \($0) verified" } ?? "no checkpoint")
      try console.line("\(HumanText.count(snapshots, "live snapshot"))")
    }
    return result.failures.isEmpty ? .success : .damaged
  }
}
