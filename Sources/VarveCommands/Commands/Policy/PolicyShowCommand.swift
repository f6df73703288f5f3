import ArgumentParser
import Varve
import VarveFormat
import VarveRepository

struct PolicyShowCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show the policy that is in force for a source.",
    usage: "varve policy show [<options>] (<path> ... | --default)",
    discussion: """
      Example:
        varve policy show /etc /home
      """)

  @OptionGroup var source: PolicySourceOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let ids = try repository.keys.opaqueIDs()
    let id = try source.source()?.id(ids)
    let state = repository.log.state
    guard let policy = state.policy(forSource: id) else {
      throw VarveError(
        .notFound, id == nil ? "there is no default policy" : "no policy is in force for it",
        hint: "set one with 'varve policy set'")
    }
    let isOwn = id.map { state.policies[$0] != nil } ?? false
    let report = PolicyReport(try PolicyNames(repository))
    if console.isJSON {
      try console.json {
        $0.member("message_type", "policy")
        report.members(isOwn ? id : nil, policy, into: &$0)
      }
      return .success
    }
    try console.line(report.text(policy.keep))
    let whose = isOwn ? "its own policy" : "the default policy"
    let time = EntryText.shortTime(WallClock.local(seconds: policy.time.seconds))
    try console.line(
      "\(whose), set on \(time) by \(policy.author.text.prefix(8)) (log entry \(policy.entry))")
    return .success
  }
}
