package import ArgumentParser

/// What every command takes, before or after the verb.
package struct GlobalOptions: ParsableArguments {
  @Option(
    name: [.short, .customLong("repo")],
    help: ArgumentHelp(
      "The repository: a directory, s3:https://host/bucket/prefix, s3://bucket/prefix, sftp:user@host:/path or varve+https://host/name. (environment: VARVE_REPOSITORY)",
      valueName: "place"))
  package var repository: String?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Read the password from a file; line ends at its end are dropped. (environment: VARVE_PASSWORD_FILE)",
      valueName: "file"))
  package var passwordFile: String?

  @Option(
    help: ArgumentHelp(
      "Run a shell command that prints the password. (environment: VARVE_PASSWORD_COMMAND)",
      valueName: "command"))
  package var passwordCommand: String?

  @Option(
    help: ArgumentHelp(
      "Unlock with a key file, or with a recovery key, instead of a password. (environment: VARVE_KEY_FILE)",
      valueName: "file"))
  package var keyFile: String?

  @Option(
    help: ArgumentHelp(
      "Believe the log only with the cosignatures of a quorum of witnesses: a policy as c2sp.org/tlog-policy has it. (environment: VARVE_WITNESS_POLICY)",
      valueName: "file"))
  package var witnessPolicy: String?

  @Option(
    help: ArgumentHelp(
      "How old they may be, such as 36h. (environment: VARVE_MAX_COSIGNATURE_AGE; default: of any age)",
      valueName: "duration"))
  package var maxCosignatureAge: IntervalArgument?

  @Flag(help: "Print JSON on standard output (docs/json.md).")
  package var json = false

  @Flag(name: [.short, .long], help: "Print no progress and no summary.")
  package var quiet = false

  @Flag(name: [.short, .long], help: "Say more; may be given twice.")
  package var verbose: Int

  @Option(
    help: ArgumentHelp(
      "Where to keep the cache. (environment: VARVE_CACHE_DIR; default: $XDG_CACHE_HOME/varve or ~/.cache/varve)",
      valueName: "directory"))
  package var cacheDir: String?

  @Flag(help: "Use no cache. The last verified state of the log is kept all the same.")
  package var noCache = false

  @OptionGroup(title: "Storage") package var storage: StorageOptions

  package init() {}

  package mutating func validate() throws {
    let given = [passwordFile, passwordCommand, keyFile].compactMap { $0 }
    if given.count > 1 {
      throw ValidationError(
        "Give only one of --password-file, --password-command and --key-file.")
    }
    if quiet && verbose > 0 { throw ValidationError("--quiet and --verbose exclude each other.") }
  }

  /// 0 when quiet, else 1 and one more for each `--verbose`.
  var verbosity: Int { quiet ? 0 : 1 + verbose }
}
