import ArgumentParser
import VarveFormat
import VarveProof
import VarveRepository

/// Proposes a change instead of making it.
struct ProposeOption: ParsableArguments {
  @Flag(help: "Change nothing yet: propose it to the other owners ('varve proposal').")
  var propose = false

  /// Runs `change`; says what it has proposed, if that was asked for.
  ///
  /// - Returns: whether it was done, and not only proposed.
  func run(
    in repository: UnlockedRepository, on console: Console, _ change: () throws -> Void
  ) throws -> Bool {
    guard propose else {
      try change()
      return true
    }
    let log = repository.log
    try repository.require(.owner, to: "propose changes")
    log.proposes = true
    defer { log.proposes = false }
    let size = log.head.size
    try change()
    let new = log.state.openProposals.filter {
      $0.entry >= size && $0.author == log.authorKeyID
    }.map(\.entry)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "proposed")
        $0.key("entries")
        $0.array { writer in for entry in new { writer.integer(entry) } }
      }
    } else if !console.isQuiet {
      let names = new.map(String.init).joined(separator: " ")
      try console.line(
        new.isEmpty
          ? "nothing to propose" : "proposed; approve with 'varve proposal approve \(names)'")
    }
    return false
  }
}
