import ArgumentParser
import Glibc
import VarveFormat
import VarveOperations
import VarveRepository

/// Where the files for systemd or cron lie, and who is told of them.
struct ScheduleFiles: ParsableArguments {
  @Flag(help: "For systemd: a service and a timer. (default where systemd runs)")
  var systemd = false

  @Flag(
    help: "For cron: a file for /etc/cron.d, or lines for a user's own table. (default elsewhere)")
  var cron = false

  @Flag(help: "For the user who asks, without root.")
  var user = false

  @Option(
    help: ArgumentHelp(
      "Put the files there, and tell nobody of them.", valueName: "directory"))
  var output: String?

  mutating func validate() throws {
    if systemd && cron { throw ValidationError("--systemd and --cron exclude each other.") }
  }

  static let unitNames = ["varve.service", "varve.timer"]
  static let timer = "varve.timer"

  var isForSystemd: Bool {
    systemd || (!cron && access("/run/systemd/system", F_OK) == 0)
  }

  var names: [String] { isForSystemd ? Self.unitNames : ["varve"] }

  /// Nil for a user's table of cron, to which nothing is written.
  func directory(_ environment: ProcessEnvironment = .current) throws -> String? {
    if let output { return output }
    guard user else { return isForSystemd ? "/etc/systemd/system" : "/etc/cron.d" }
    guard isForSystemd else { return nil }
    guard let base = Self.configurationHome(environment) else {
      throw VarveError(.usage, "HOME is not set", hint: "set it, or give --output")
    }
    return base + "/systemd/user"
  }

  /// Where variables lie that what is due needs; nil where nobody knows.
  func environmentFile(_ environment: ProcessEnvironment = .current) -> String? {
    guard user else { return EnvironmentFile.ofSystem }
    return Self.configurationHome(environment).map { EnvironmentFile.ofUser(configurationHome: $0) }
  }

  private static func configurationHome(_ environment: ProcessEnvironment) -> String? {
    environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { $0 + "/.config" }
  }

  /// Whether a file was written by `schedule install`; nil when there is none.
  static func isOurs(_ path: String) throws -> Bool? {
    guard access(RawArgument.cString(path), F_OK) == 0 else { return nil }
    return String(decoding: try SmallFile.bytes(at: path), as: UTF8.self)
      .hasPrefix(ServiceUnits.mark)
  }

  /// Tells systemd, where it runs and files lie in its place; says what is left to do otherwise.
  func tell(_ arguments: [[String]], on console: Console) throws {
    for words in arguments {
      let command = ["systemctl"] + (user ? ["--user"] : []) + words
      guard output == nil, access("/run/systemd/system", F_OK) == 0 else {
        console.note("then: \(command.joined(separator: " "))")
        continue
      }
      let outcome = try CommandRun.run(
        CommandSpecification(.arguments(command)), cancellation: Interruption.flag)
      if let failure = outcome.failure {
        throw VarveError(.io, "'\(command.joined(separator: " "))': \(failure)")
      }
    }
  }
}
