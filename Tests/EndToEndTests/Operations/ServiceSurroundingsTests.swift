import Foundation
import Glibc
import Testing
import VarveTestThreads

/// What differs between a prompt and what a timer runs: the umask, the environment, whose directories are used.
@Suite(.onOwnThreads) struct ServiceSurroundingsTests {
  /// One source, saved once.
  private func prepare(_ more: String = "") throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.makeSmallTree()
    try here.configure(
      """
      profiles:
        web:
          schedule: daily
          sources: [{name: data, path: \(here.source)}]
      \(more)

      """)
    #expect(try here.runProfiles("web").code == 0)
    return here
  }

  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
  }

  // MARK: Metrics

  /// node_exporter is another user, and services run with a umask of 077.
  @Test func metricsAreReadableUnderAnyUmask() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.makeSmallTree()
    try here.configure(
      "profiles: {web: {sources: [\(here.source)]}}\nmetrics-file: \(here.root)/varve.prom\n")
    for command in ["run web", "status"] {
      unlink(here.root + "/varve.prom")
      let outcome = try here.run([
        "sh", "-c",
        "umask 077; \(Tools.varve) \(command) --config \(here.configurationFile)",
      ])
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(mode(here.root + "/varve.prom") == 0o644, "\(command)")
    }
  }

  // MARK: Directories

  /// What one environment's run has left is seen from another's prompt.
  @Test func stateOfTheConfiguration() throws {
    let here = try Workspace()
    let (state, cache) = (here.root + "/shared/state", here.root + "/shared/cache")
    try here.initializeWithKeyFile()
    try here.makeSmallTree()
    try FileManager.default.createDirectory(
      atPath: here.root + "/drills", withIntermediateDirectories: true)
    here.environment["TMPDIR"] = here.root + "/drills"
    try here.configure(
      """
      state: \(state)
      cache: \(cache)
      profiles:
        web:
          schedule: daily
          sources: [{name: data, path: \(here.source)}]
          drills: {all: {sample: all}}

      """)
    func move(to who: String) {
      here.environment["XDG_STATE_HOME"] = "\(here.root)/\(who)-state"
      here.environment["XDG_CACHE_HOME"] = "\(here.root)/\(who)-cache"
    }
    let file = here.configurationFile
    move(to: "service")
    #expect(try here.runProfiles("web").code == 0)
    let drill = try here.succeed("drill", "run", "web", "--json", "--config", file)
    let id = try #require(try drill.documents().compactMap { $0["id"].string }.last)

    move(to: "prompt")
    try here.succeed("drill", "show", String(id.prefix(8)), "--config", file)
    let listed = try here.succeed("drill", "list", "--json", "--config", file)
    #expect(try listed.documents().first?["last_result"].string == "success")
    try here.succeed("restore", "--profile", "web", "--yes", "--config", file)

    move(to: "service")
    try here.remove(here.source)
    #expect(try here.runProfiles("web").code == 1)

    move(to: "prompt")
    let status = try here.varve("status", "--json", "--config", file)
    #expect(status.code == 21)
    #expect(try status.document()["sources"].list.first?["state"].string == "failed")
    let shown = try here.succeed("schedule", "show", "--json", "--config", file)
    #expect(try shown.documents().first?["last_result"].string == "failure")
    for name in ["service-state", "service-cache", "prompt-state", "prompt-cache"] {
      #expect(!here.exists("\(here.root)/\(name)"), "\(name)")
    }
    #expect(here.exists(state + "/runs") && here.exists(state + "/drills") && here.exists(cache))
  }

  /// Commands that read no configuration find the same state by a variable.
  @Test func stateOfTheEnvironment() throws {
    let here = try prepare()
    try here.remove(here.root + "/state")
    here.environment["VARVE_STATE_DIR"] = here.root + "/own"
    try here.succeed("snapshots")
    #expect(here.exists(here.root + "/own") && !here.exists(here.root + "/state"))
    let unit = here.root + "/units/varve.service"
    try here.succeed(
      "schedule", "install", "--systemd", "--output", here.root + "/units", "--config",
      here.configurationFile)
    #expect(try here.text(of: unit).contains("Environment=VARVE_STATE_DIR=\(here.root)/own\n"))
  }

  /// What root wrote there, the owner could not write any more, and the service would fail from then on.
  @Test(.enabled(if: Tools.isRoot, "takes root"))
  func rootStaysOutOfAnothersState() throws {
    let here = try prepare()
    let text = try here.text(of: here.configurationFile)
    try here.write("state: \(here.root)/own\n" + text, to: here.configurationFile)
    try FileManager.default.createDirectory(
      atPath: here.root + "/own", withIntermediateDirectories: true)
    #expect(try here.varve("status", "--config", here.configurationFile).code == 0)
    chown(here.root + "/own", 65_534, 65_534)
    for arguments in [["status"], ["run", "web"], ["schedule", "show"], ["drill", "list"]] {
      let refused = try here.varve(arguments + ["--config", here.configurationFile])
      #expect(refused.code == 1 && refused.errors.contains("belongs to"), "\(refused.errors)")
      #expect(refused.errors.contains("sudo -u"))
    }
    // For that user the service is installed by root all the same.
    let outcome = try here.varve(
      "schedule", "install", "--systemd", "--run-as", "nobody", "--output", here.root + "/units",
      "--config", here.configurationFile)
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(!outcome.errors.contains("will not see what the service did"))
  }

  @Test func anotherUsersServiceIsAnnounced() throws {
    let here = try prepare()
    let outcome = try here.succeed(
      "schedule", "install", "--systemd", "--run-as", "nobody", "--output", here.root + "/units",
      "--config", here.configurationFile)
    #expect(outcome.errors.contains("'state: /var/lib/varve'"))
  }

  // MARK: Variables

  private static let chat = """
    notifications:
      chat: {webhook: {url: http://127.0.0.1:9/x, headers: {Authorization: "Bearer ${CHAT_TOKEN:-}${MUST:-}"}}}

    """

  @Test(arguments: ["--systemd", "--cron"])
  func variablesThatWouldBeMissing(_ manager: String) throws {
    let here = try prepare(Self.chat)
    here.environment["CHAT_TOKEN"] = "wr41th"
    here.environment["AWS_ACCESS_KEY_ID"] = "unused"
    let file = here.root + "/config/varve/environment"
    func install() throws -> String {
      let outcome = try here.varve(
        "schedule", "install", manager, "--user", "--output", here.root + "/units", "--config",
        here.configurationFile)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(!outcome.errors.contains("wr41th") && !outcome.errors.contains("AWS_"))
      return outcome.errors
    }
    let warned = try install()
    #expect(warned.contains("warning: what is due will run without CHAT_TOKEN, set here"))
    #expect(warned.contains(file) && !warned.contains("MUST"))
    try here.write("CHAT_TOKEN='wr41th'\n", to: file)
    #expect(try !install().contains("will run without"))
    if manager == "--systemd" {
      let unit = try here.text(of: here.root + "/units/varve.service")
      #expect(unit.contains("EnvironmentFile=-\(file)\n"))
    }
  }

  /// Cron's shell reads the file: run as cron would, from next to no environment.
  @Test func cronReadsTheFileOfVariables() throws {
    let here = try prepare(Self.chat)
    let text = try here.text(of: here.configurationFile)
    try here.write(
      text.replacingOccurrences(of: "${MUST:-}", with: "${MUST}"), to: here.configurationFile)
    here.environment["MUST"] = "x"
    let file = here.root + "/config/varve/environment"
    let table = try here.succeed(
      "schedule", "install", "--cron", "--user", "--config", here.configurationFile)
    let line = try #require(table.text.split(separator: "\n").first { $0.hasPrefix("0 0 * * * ") })
    let command = String(line.dropFirst("0 0 * * * ".count))
    func asCron() throws -> Outcome {
      try here.run([
        "env", "-i", "HOME=\(here.root)/home", "PATH=/usr/bin:/bin",
        "XDG_STATE_HOME=\(here.root)/state", "XDG_CACHE_HOME=\(here.root)/cache", "/bin/sh", "-c",
        command,
      ])
    }
    let without = try asCron()
    #expect(without.code == 64 && without.errors.contains("the environment has no MUST"))
    try here.write("# of the chat\nMUST='a b$c'\n", to: file)
    let with = try asCron()
    #expect(with.code == 0, "\(with.errors)")
  }

  // MARK: Pipes

  /// It hung, and SIGTERM did not end it.
  @Test func aNamedPipeIsNoConfiguration() throws {
    let here = try Workspace()
    mkfifo(here.configurationFile, 0o600)
    let outcome = try here.run([
      "timeout", "--signal=KILL", "60", Tools.varve, "config", "check", "--config",
      here.configurationFile,
    ])
    #expect(outcome.code == 64 && outcome.errors.contains("is a named pipe"), "\(outcome.errors)")
    // The shell's own pipes are none of those.
    let shell = try here.run([
      "bash", "-c", "\(Tools.varve) config check --config <(echo 'repositories: {main: /srv}')",
    ])
    #expect(shell.code == 0, "\(shell.errors)")
  }
}
