import ArgumentParser

/// What a subcommand is to the program: options, and something to do with a console.
protocol VarveSubcommand: ParsableCommand {
  var global: GlobalOptions { get }
  /// Does the command's work; an error it throws is reported and decides the exit code.
  func execute(on console: Console) throws -> ExitStatus
}
