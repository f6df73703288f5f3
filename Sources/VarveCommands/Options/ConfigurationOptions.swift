import ArgumentParser
import Glibc
import VarveFormat
import VarveOperations
import VarveRepository

/// Which configuration counts (docs/configuration.md).
struct ConfigurationOptions: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "The configuration. (environment: VARVE_CONFIG; default: $XDG_CONFIG_HOME/varve/varve.yaml or ~/.config/varve/varve.yaml, else /etc/varve/varve.yaml)",
      valueName: "file"))
  var file: String?

  private static let systemFile = "/etc/varve/varve.yaml"

  /// The file, whether it was said or found.
  ///
  /// - Throws: `usage` when none is said and there is none.
  func path(_ environment: ProcessEnvironment = .current) throws -> String {
    if let path = file ?? environment["VARVE_CONFIG"] { return path }
    guard let found = Self.found(environment) else {
      let names = Self.places(environment).map { ByteText.printable(RawArgument.bytes($0)) }
      throw VarveError(
        .usage, "there is no configuration: neither \(names.joined(separator: " nor "))",
        hint: "write one (docs/configuration.md), or name it with --config or VARVE_CONFIG")
    }
    return found
  }

  private static func places(_ environment: ProcessEnvironment) -> [String] {
    let home =
      environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { $0 + "/.config" }
    return (home.map { [$0 + "/varve/varve.yaml"] } ?? []) + [systemFile]
  }

  private static func found(_ environment: ProcessEnvironment) -> String? {
    places(environment).first { access(RawArgument.cString($0), F_OK) == 0 }
  }

  /// What it says, for what needs none; nil when none is said and there is none.
  func loadIfAny(on console: Console) throws -> Configuration? {
    let environment = ProcessEnvironment.current
    guard file != nil || environment["VARVE_CONFIG"] != nil || Self.found(environment) != nil
    else { return nil }
    return try load(on: console)
  }

  /// The file as it was read, right or not; warnings about it are printed.
  func read(on console: Console) throws -> ConfigurationFile {
    let file = try ConfigurationFile.read(try path()) { name in
      getenv(name).map { RawArgument.text(String(cString: $0), $0) }
    }
    for warning in file.warnings { console.warning(warning) }
    return file
  }

  /// What it says; warnings go where those of commands go.
  ///
  /// - Throws: `usage` with the first thing that is wrong in it.
  func loaded() throws -> Configuration {
    try load(on: Console(verbosity: 1, isJSON: false))
  }

  /// What it says.
  ///
  /// - Throws: `usage` with the first thing that is wrong in it.
  func load(on console: Console) throws -> Configuration {
    try read(on: console).checked()
  }
}

extension GlobalOptions {
  /// Where this client keeps what a configuration is about.
  ///
  /// - Throws: `refused` for root in the state of another user, who could no longer write what root has written there.
  func client(
    of configuration: Configuration, on console: Console
  ) throws -> ClientDirectories {
    if let directory = configuration.stateDirectory, let owner = Self.otherOwner(of: directory) {
      throw VarveError(
        .refused,
        "\(ByteText.printable(directory)), the 'state' of the configuration, belongs to \(owner), who could no longer write "
          + "what root writes there", hint: "sudo -u '\(owner)' varve …")
    }
    return try RepositoryAccess(self, console).client(of: configuration)
  }

  /// Whose a directory is, when that is not root, who asks.
  private static func otherOwner(of directory: String) -> String? {
    var status = stat()
    guard geteuid() == 0, stat(RawArgument.cString(directory), &status) == 0, status.st_uid != 0
    else { return nil }
    return getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) }
      ?? "#\(status.st_uid)"
  }

  /// The way to open a repository of a configuration. What these options say of caches counts; what they say of
  /// repositories does not.
  func opening(
    _ settings: RepositorySettings, of configuration: Configuration, on console: Console
  ) throws -> RepositoryOpening {
    var settings = settings
    if noCache || cacheDir != nil { settings.cacheDirectory = nil }
    return RepositoryOpening(
      settings, client: try client(of: configuration, on: console),
      isInterrupted: { try Interruption.flag.check() }, note: { console.note($0) },
      warn: { console.warning($0) })
  }
}
