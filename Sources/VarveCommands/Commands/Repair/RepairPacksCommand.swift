import ArgumentParser
import VarveFormat
import VarveRepository

struct RepairPacksCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "packs",
    abstract: "Save what can be read of damaged packs, and record the rest as lost.",
    usage: "varve repair packs [<options>] [<pack> ...]",
    discussion: """
      Does what 'varve repair index' does, and reads packs to the last byte: those named, else all. \
      Every block of a damaged pack that still opens is copied into a new pack; the damaged one is then \
      recorded as lost.

      Examples:
        varve repair packs --dry-run
        varve repair packs 3f9a77c1
        varve repair packs
      """)

  @Argument(
    help: ArgumentHelp(
      "Full names of packs, or beginnings of them, as 'varve check' gives them (default: all).",
      valueName: "pack"))
  var packs: [String] = []

  @Flag(name: [.customShort("n"), .long], help: "Change nothing; print what would be done.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let reading: StorageRepair.Reading =
      packs.isEmpty ? .all : .some(Set(try ids(in: repository)))
    try StorageRepairing(reading: reading, isDryRun: dryRun).run(repository, on: console)
    return .success
  }

  private func ids(in repository: UnlockedRepository) throws -> [Digest] {
    let live = try KnownObjects(repository.log.state, storage: repository.storage).live.packs.keys
    return try packs.map { text in
      // `packs/3f/3f9a…` names the same as `3f9a…`.
      let prefix = (text.split(separator: "/").last.map(String.init) ?? text).lowercased()
      let found = live.filter { $0.hex.hasPrefix(prefix) }
      guard let first = found.first, prefix.utf8.count >= 4 else {
        throw VarveError(
          .notFound, "no live pack has a name that begins with '\(text)'",
          hint: "give at least four digits of a name that 'varve check' gives")
      }
      guard found.count == 1 else {
        throw VarveError(.notFound, "more than one live pack's name begins with '\(text)'")
      }
      return first
    }
  }
}
