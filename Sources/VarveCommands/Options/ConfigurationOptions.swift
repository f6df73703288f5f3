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
    let home =
      environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { $0 + "/.config" }
    let places = (home.map { [$0 + "/varve/varve.yaml"] } ?? []) + [Self.systemFile]
    guard let found = places.first(where: { access(RawArgument.cString($0), F_OK) == 0 }) else {
      let names = places.map { ByteText.printable(RawArgument.bytes($0)) }
      throw VarveError(
        .usage, "there is no configuration: neither \(names.joined(separator: " nor "))",
        hint: "write one (docs/configuration.md), or name it with --config or VARVE_CONFIG")
    }
    return found
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
  /// The way to open a repository of a configuration. What these options say of caches counts; what they say of
  /// repositories does not.
  func opening(_ settings: RepositorySettings, on console: Console) throws -> RepositoryOpening {
    var settings = settings
    if noCache || cacheDir != nil { settings.cacheDirectory = nil }
    return RepositoryOpening(
      settings, client: try RepositoryAccess(self, console).client(),
      isInterrupted: { try Interruption.flag.check() }, note: { console.note($0) },
      warn: { console.warning($0) })
  }
}
