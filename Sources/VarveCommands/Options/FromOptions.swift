import ArgumentParser

/// The repository from which is copied, and what unlocks it.
struct FromOptions: ParsableArguments {
  @OptionGroup var repository: FromRepositoryOption

  @Option(
    help: ArgumentHelp(
      "Read the source's password from a file. (environment: VARVE_FROM_PASSWORD_FILE)",
      valueName: "file"))
  var fromPasswordFile: String?

  @Option(
    help: ArgumentHelp(
      "Run a shell command that prints it. (environment: VARVE_FROM_PASSWORD_COMMAND)",
      valueName: "command"))
  var fromPasswordCommand: String?

  @Option(
    help: ArgumentHelp(
      "Unlock the source with a key file, or with a recovery key. (environment: VARVE_FROM_KEY_FILE)",
      valueName: "file"))
  var fromKeyFile: String?

  mutating func validate() throws {
    let given = [fromPasswordFile, fromPasswordCommand, fromKeyFile].compactMap { $0 }
    if given.count > 1 {
      throw ValidationError(
        "Give only one of --from-password-file, --from-password-command and --from-key-file.")
    }
  }

  /// Opens the source; nothing is written there.
  func access(_ global: GlobalOptions, _ console: Console) -> RepositoryAccess {
    var source = global
    source.passwordFile = fromPasswordFile
    source.passwordCommand = fromPasswordCommand
    source.keyFile = fromKeyFile
    // Witnesses are those of the target's log.
    source.witnessPolicy = nil
    source.maxCosignatureAge = nil
    return repository.access(source, console)
  }
}
