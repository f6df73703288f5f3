import ArgumentParser

/// The repository from which is copied or mirrored.
struct FromRepositoryOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The source repository: a place as --repo has it. (environment: VARVE_FROM_REPOSITORY)",
      valueName: "place"))
  var fromRepo: String?

  /// Opens the source with what else `options` say; nothing is written there.
  func access(_ options: GlobalOptions, _ console: Console) -> RepositoryAccess {
    var source = options
    source.repository = fromRepo
    return RepositoryAccess(source, console, side: .source)
  }
}
