import ArgumentParser

struct CompletionCommand: VarveSubcommand {
  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash, zsh, fish
  }

  static let configuration = CommandConfiguration(
    commandName: "completion",
    abstract: "Print a completion script for a shell.",
    usage: "varve completion <shell>",
    discussion: """
      Examples:
        varve completion bash > /etc/bash_completion.d/varve
        varve completion zsh > ~/.zfunc/_varve
        varve completion fish > ~/.config/fish/completions/varve.fish
      """)

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let target: CompletionShell =
      switch shell {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    try console.line(VarveCommand.completionScript(for: target))
    return .success
  }
}
