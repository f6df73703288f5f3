import ArgumentParser
import VarveCrypto
import VarveFormat
import VarveRepository

struct VersionCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "version",
    abstract: "Print the version of this program and of what it stands on.",
    usage: "varve version [--json]")

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let libraries = [CompressionLibrary.version, CryptographyLibrary.version]
    if console.isJSON {
      try console.json {
        $0.member("message_type", "version")
        $0.member("version", ProgramVersion.number)
        $0.member("format", 1)
        $0.member("swift_version", Self.compiler)
        $0.member("os", "linux")
        $0.member("arch", Self.architecture)
        $0.member("libraries", libraries)
      }
    } else {
      try console.line(
        "\(ProgramVersion.program) (repository format 1), compiled with Swift \(Self.compiler) "
          + "for linux/\(Self.architecture), with \(libraries.joined(separator: " and "))")
    }
    return .success
  }

  private static var compiler: String {
    #if compiler(>=6.4)
      "6.4 or newer"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }

  private static var architecture: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "arm64"
    #else
      "other"
    #endif
  }
}
