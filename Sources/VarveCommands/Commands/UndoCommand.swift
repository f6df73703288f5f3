import ArgumentParser
import VarveFormat
import VarveRepository

struct UndoCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "undo",
    abstract: "Bring forgotten snapshots back.",
    usage: "varve undo <snapshot> ...",
    discussion: """
      A snapshot that was forgotten can be brought back until its packs are swept: 24 hours after they \
      were condemned, unless 'varve prune' was told otherwise. What was condemned since it was forgotten is \
      rescinded with it. 'varve recover' lists the snapshots that can be brought back. Needs an owner's \
      credential.

      Examples:
        varve recover
        varve undo 79766175
      """)

  @Argument(help: ArgumentHelp("Full ids, or beginnings of ids.", valueName: "snapshot"))
  var snapshots: [String]

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let undo = try Undo(repository, cancellation: Interruption.flag)
    let known = Array(repository.log.state.forgotten.keys)
    var ids: [Digest] = []
    for text in snapshots {
      let id = try Self.id(text, among: known)
      if !ids.contains(id) { ids.append(id) }
    }
    let rescinded = try undo.run(ids)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "summary")
        $0.key("snapshots")
        $0.array { for id in ids { $0.string(id.hex) } }
        $0.key("rescinded")
        $0.array { for entry in rescinded { $0.integer(entry) } }
      }
    } else if !console.isQuiet {
      for id in ids { try console.line("snapshot \(id.hex.prefix(8)) is back") }
    }
    return .success
  }

  /// Digits of an id that must be given.
  private static let leastDigits = 4

  /// The one forgotten snapshot whose id begins so.
  private static func id(_ text: String, among known: [Digest]) throws -> Digest {
    let prefix = text.lowercased()
    guard prefix.utf8.count >= leastDigits else {
      throw VarveError(
        .usage, "'\(text)' is too short for an id",
        hint: "give its first \(leastDigits) digits at least; 'varve recover' lists them")
    }
    let found = known.filter { $0.hex.hasPrefix(prefix) }
    guard let first = found.first else {
      throw VarveError(
        .notFound, "no forgotten snapshot has an id that begins with '\(text)'",
        hint: "'varve recover' lists those that can be brought back")
    }
    guard found.count == 1 else {
      throw VarveError(
        .notFound, "more than one forgotten snapshot's id begins with '\(text)'",
        hint: "give more digits; 'varve recover' lists them")
    }
    return first
  }
}
