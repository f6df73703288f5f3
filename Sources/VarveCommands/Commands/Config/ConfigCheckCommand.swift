import ArgumentParser
import VarveFormat
import VarveOperations

struct ConfigCheckCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say all that is wrong with the configuration, with lines and columns.",
    usage: "varve config check [--config <file>] [--json]",
    discussion: """
      No repository is opened and nothing is run. Exit code 64 when something is wrong. Warnings, such as that \
      others may write the file, change nothing about the exit code.
      """)

  @OptionGroup var file: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let file = try file.read(on: console)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "config_check")
        $0.member("valid", file.problems.isEmpty)
        $0.member("files", file.files)
        $0.key("problems")
        $0.array { writer in
          for problem in file.problems {
            writer.object {
              $0.member("file", problem.position.file)
              $0.member("line", problem.position.line)
              $0.member("column", problem.position.column)
              $0.member("kind", problem.kind == .form ? "form" : "meaning")
              $0.member("message", problem.message)
            }
          }
        }
        $0.member("warnings", file.warnings)
      }
    } else {
      for problem in file.problems {
        console.status.print("varve: error: \(ByteText.printable(problem.description))")
      }
      if file.problems.isEmpty && !console.isQuiet {
        let found = file.configuration
        let counts = [
          HumanText.count(found.repositories.count, "repository", "repositories"),
          HumanText.count(found.profiles.count, "profile", "profiles"),
          HumanText.count(
            found.profiles.values.reduce(0) { $0 + $1.sources.count }, "source", "sources"),
        ]
        try console.line("\(file.files[0]): \(counts.joined(separator: ", ")); nothing is wrong")
      }
    }
    return file.problems.isEmpty ? .success : .usage
  }
}
