import ArgumentParser
import Glibc
import VarveFormat

/// The program: from arguments to an exit code.
public enum VarveProgram {
  public static func main() -> Never {
    // Whatever is made here is for its owner only: caches, state, dumps.
    umask(0o077)
    Interruption.install()
    exit(run(RawArgument.commandLine().dropFirst().map { $0 }).rawValue)
  }

  /// Runs one command line, without the program's name.
  package static func run(_ arguments: [String]) -> ExitStatus {
    let arguments = ArgumentNormaliser.normalise(arguments)
    let command: any ParsableCommand
    do {
      command = try VarveCommand.parseAsRoot(arguments)
    } catch {
      return parsingEnded(with: error, arguments)
    }
    guard let subcommand = command as? any VarveSubcommand else {
      do {
        var command = command
        try command.run()
        return .success
      } catch {
        return parsingEnded(with: error, arguments)
      }
    }
    let global = subcommand.global
    let console = Console(verbosity: global.verbosity, isJSON: global.json)
    do {
      let status = try subcommand.execute(on: console)
      console.status.clear()
      try console.output.flush()
      return status
    } catch {
      console.status.clear()
      // What was found before the failure is still worth having.
      try? console.output.flush()
      return ErrorReport(console).report(error)
    }
  }

  /// Help, a version or a completion script was asked for, or the arguments are wrong.
  private static func parsingEnded(with error: any Error, _ arguments: [String]) -> ExitStatus {
    let console = Console(verbosity: 1, isJSON: arguments.contains("--json"))
    let report = ErrorReport(console)
    do {
      if VarveCommand.exitCode(for: error) == .success {
        try console.line(VarveCommand.fullMessage(for: error))
        try console.output.flush()
        return .success
      }
    } catch {
      return report.report(error)
    }
    let verbs = arguments.prefix { !$0.hasPrefix("-") }.prefix(2)
    let known = verbs.first.map(VarveCommand.names.contains)
    let nested = verbs.count == 2 && ArgumentNormaliser.nested[verbs[0]]?.contains(verbs[1]) == true
    let help = known == true ? verbs.prefix(nested ? 2 : 1).joined(separator: " ") + " " : ""
    let message = VarveCommand.message(for: error)
    return report.report(
      VarveError(
        .usage, ByteText.printable(RawArgument.bytes(message)), hint: "see varve \(help)--help"))
  }
}
