import ArgumentParser
import CVarveLinux
import Glibc
import VarveFormat
import VarveOperations

/// The program: from arguments to an exit code.
public enum VarveProgram {
  public static func main() -> Never {
    StandardDescriptors.reserve()
    // Whatever is made here is for its owner only: caches, state, dumps.
    umask(0o077)
    Interruption.install()
    // Otherwise 50 MB and more stay with the process once they were freed.
    varve_map_blocks_from(4 << 20)
    exit(run(RawArgument.commandLine().dropFirst().map { $0 }).rawValue)
  }

  /// Runs one command line, without the program's name.
  package static func run(_ arguments: [String]) -> ExitStatus {
    let arguments = ArgumentNormaliser.normalise(arguments)
    if let error = unknownVerb(arguments) {
      return ErrorReport(Console(verbosity: 1, isJSON: arguments.contains("--json"))).report(error)
    }
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
        var text = VarveCommand.fullMessage(for: error)
        while text.hasSuffix("\n") { text.removeLast() }
        try console.line(text)
        try console.output.flush()
        return .success
      }
    } catch {
      return report.report(error)
    }
    let message = VarveCommand.message(for: error)
    return report.report(
      VarveError(
        .usage, ByteText.printable(RawArgument.bytes(message)),
        hint: "see 'varve \(verbs(arguments).map { $0 + " " }.joined())--help'"))
  }

  /// The verb with which `arguments` begin, and the one within it.
  private static func verbs(_ arguments: [String]) -> [String] {
    guard let verb = arguments.first, VarveCommand.names.contains(verb) else { return [] }
    guard let inner = ArgumentNormaliser.nested[verb], arguments.count > 1,
      inner.contains(arguments[1])
    else { return [verb] }
    return [verb, arguments[1]]
  }

  /// The error for a verb that does not exist; the parser would complain of what stands behind it.
  private static func unknownVerb(_ arguments: [String]) -> VarveError? {
    guard let verb = arguments.first, !verb.hasPrefix("-"), verb != "help" else { return nil }
    func unknown(_ verb: String, of parent: String) -> VarveError {
      let name = ByteText.printable(RawArgument.bytes(verb))
      return VarveError(
        .usage, "there is no command '\(parent) \(name)'", hint: "see '\(parent) --help'")
    }
    guard VarveCommand.names.contains(verb) else { return unknown(verb, of: "varve") }
    guard let inner = ArgumentNormaliser.nested[verb] else { return nil }
    guard let next = arguments.dropFirst().first(where: { !$0.hasPrefix("-") }) else { return nil }
    return inner.contains(next) || arguments[1].hasPrefix("-")
      ? nil : unknown(next, of: "varve \(verb)")
  }
}
