import ArgumentParser
import VarveFormat
import VarveOperations

struct ConfigShowCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract:
      "Show the configuration as it is understood: complete, in one order, without secrets.",
    usage: "varve config show [--config <file>] [--json]",
    discussion: """
      What comes from the environment is shown as the file has it, ${NAME}. Other values that may be secret are shown \
      as (hidden). Lines of commands are shown as they are: passwords do not belong there.
      """)

  @OptionGroup var file: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let file = try file.read(on: console)
    let shown = ConfigurationText(written: file.written).value(try file.checked())
    if console.isJSON {
      var writer = JSONWriter()
      shown.write(to: &writer)
      writer.endLine()
      try console.write(writer.bytes)
    } else {
      try console.write(Array(YAMLWriter(shown).text.utf8))
    }
    return .success
  }
}

extension ShownValue {
  fileprivate func write(to writer: inout JSONWriter) {
    switch self {
    case .text(let text): writer.string(text)
    case .integer(let number): writer.integer(number)
    case .number(let number): writer.number(number)
    case .boolean(let truth): writer.boolean(truth)
    case .list(let values):
      writer.array { writer in for value in values { value.write(to: &writer) } }
    case .mapping(let entries):
      writer.object { writer in
        for (key, value) in entries {
          writer.key(key)
          value.write(to: &writer)
        }
      }
    }
  }
}
