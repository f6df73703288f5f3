import ArgumentParser
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository

/// Where a new password comes from.
struct NewPasswordOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Read the new password from a file.", valueName: "file"))
  var newPasswordFile: String?

  @Option(
    help: ArgumentHelp("Run a shell command that prints the new password.", valueName: "command"))
  var newPasswordCommand: String?

  mutating func validate() throws {
    if newPasswordFile != nil && newPasswordCommand != nil {
      throw ValidationError(
        "Give only one of --new-password-file and --new-password-command.")
    }
  }

  var isGiven: Bool { newPasswordFile != nil || newPasswordCommand != nil }

  /// The password; asked for on the terminal when no option gives it.
  func password() throws -> SecretBytes {
    if let newPasswordFile { return try SecretFile.password(at: newPasswordFile) }
    if let newPasswordCommand {
      return try SecretFile.password(command: newPasswordCommand) { try Interruption.flag.check() }
    }
    guard PasswordPrompt.isPossible else {
      throw VarveError(
        .usage, "a new password is needed and there is no terminal to ask on",
        hint: "give --new-password-file or --new-password-command")
    }
    return try PasswordPrompt.askTwice("new password")
  }
}
