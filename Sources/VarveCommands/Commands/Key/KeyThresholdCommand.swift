import ArgumentParser
import VarveFormat
import VarveRepository

struct KeyThresholdCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "threshold",
    abstract: "Say how many owners must agree to what cannot be taken back.",
    usage: "varve key threshold [<options>] [<owners>]",
    discussion: """
      With 2 or more, that many owners have to agree before complete snapshots are forgotten, a policy is loosened, a hold is \
      released, owners are added or removed, or this number changes: one proposes (--propose), the others approve \
      ('varve proposal'). As many owners must stay. Without a number it prints the one in force, which needs no password.

      Examples:
        varve key threshold 2
        varve key threshold
        varve key threshold 1 --propose
      """)

  @Argument(help: ArgumentHelp("How many.", valueName: "owners"))
  var owners: UInt64?

  @OptionGroup var proposal: ProposeOption
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    guard let owners else {
      let state = try access.opened().openLog(client: try access.client()).state
      try print(state, "threshold", on: console)
      return .success
    }
    let repository = try access.unlocked()
    let isDone = try proposal.run(in: repository, on: console) {
      try Agreement(repository).setThreshold(owners)
    }
    if isDone { try print(repository.log.state, "threshold_set", on: console) }
    return .success
  }

  private func print(_ state: LogState, _ type: String, on console: Console) throws {
    if console.isJSON {
      try console.json {
        $0.member("message_type", type)
        $0.member("threshold", state.threshold)
        $0.member("owners", state.agreeingOwners.count)
      }
    } else if owners == nil || !console.isQuiet {
      try console.line("\(state.threshold) of \(state.agreeingOwners.count) owners have to agree")
    }
  }
}
