import ArgumentParser
import VarveFormat
import VarveOperations

struct ConfigSchemaCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print a JSON Schema (draft 2020-12) of the configuration, for editors.",
    usage: "varve config schema",
    discussion: """
      Example:
        varve config schema > ~/.config/varve/varve.schema.json
      and as the first line of the configuration:
        # yaml-language-server: $schema=varve.schema.json
      """)

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    try console.line(GrammarSchema.schema(of: ConfigurationGrammar.file).canonicalText)
    return .success
  }
}
