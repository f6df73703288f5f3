import Foundation
import Glibc
import Synchronization
import Testing
import VarveTestSupport

/// The platform of scenario C in a workspace, moto's S3 server, and an operator at a prompt. What the operator types and sees is
/// printed in the end.
final class Platform {
  static let databases = [
    "auth", "billing", "credits", "audit", "quotas", "tenant-keys", "snapshots",
  ]
  private static let fixture = Tools.sources + "/fixtures/scenarios/platform-team"

  private final class Switch: Sendable {
    let isOn = Mutex(false)
  }

  let here: Workspace
  private let storage: ServerProcess
  private let proxy: FaultProxy
  private let refusal = Switch()
  private var transcript: [String]
  private var writer: RunningProcess?

  var root: String { here.root + "/host" }
  var configuration: String { here.root + "/etc/varve" }

  init(_ title: String) throws {
    transcript = ["", "== \(title)"]
    here = try Workspace()
    storage = try ServerProcess([Tools.judges, Tools.conformance + "/s3server.py", "platform"])
    let url = try #require(
      storage.readLine(), "no S3 server: scripts/install-requirements --judges?")
    let port = try #require(url.split(separator: ":").last.flatMap { UInt16($0) })
    proxy = FaultProxy(toPort: port) { [refusal] _, request in
      refusal.isOn.withLock { $0 } && request.method == "PUT" && request.target.contains("/log/")
        ? .answer(403, "AccessDenied") : .pass
    }
    let path = here.environment["PATH"] ?? ""
    here.environment.merge([
      "AWS_ACCESS_KEY_ID": "varve", "AWS_SECRET_ACCESS_KEY": "secret",
      "AWS_EC2_METADATA_DISABLED": "true", "PLATFORM": root, "TMPDIR": here.root + "/drills",
      "VARVE_REPOSITORY": "s3:http://127.0.0.1:\(proxy.port)/platform/backups",
      "VARVE_CONFIG": configuration + "/varve.yaml", "VARVE_KEY_FILE": configuration + "/owner.key",
      "PATH": "\(here.root)/bin:\(Tools.parent(Tools.varve)):\(path)",
    ]) { $1 }
    try run(["make", root])
    // Docker is not what is lost with a host.
    try here.copy(root + "/bin", to: here.root + "/bin")
    try here.remove(root + "/bin")
    try here.write(here.read(Self.fixture + "/varve.yaml"), to: configuration + "/varve.yaml")
    try here.write("", to: here.root + "/drills/.keep")
    for (line, environment) in [
      ("varve init", ["VARVE_KEY_FILE": nil]),
      ("varve key add --new-key-file \(configuration)/owner.key", ["VARVE_KEY_FILE": nil]),
    ] as [(String, [String: String?])] {
      try type(line, environment: environment, showing: 1)
    }
    here.environment["VARVE_PASSWORD_FILE"] = nil
  }

  deinit {
    writer?.send(SIGKILL)
    _ = try? writer?.wait()
    print(transcript.joined(separator: "\n").replacing(here.root, with: ""))
  }

  // MARK: What goes on

  @discardableResult
  func run(_ arguments: [String]) throws -> Outcome {
    let outcome = try here.run([Tools.python, Self.fixture + "/system.py"] + arguments)
    guard outcome.code == 0 else { throw SpawnFailure(description: outcome.errors) }
    return outcome
  }

  /// The programs that commit in all databases.
  func start() throws {
    _ = try writer?.wait(limit: 20)
    unlink(root + "/progress")
    writer = try RunningProcess(
      [Tools.python, Self.fixture + "/system.py", "write", root], environment: here.environment)
    while !here.exists(root + "/progress") {
      try #require(writer?.ended(within: 10) == false)
    }
  }

  func kill() throws {
    writer?.send(SIGKILL)
    _ = try writer?.wait()
    writer = nil
  }

  /// The least number of transactions that any database has committed.
  func committed() throws -> Int {
    let lines = String(decoding: try here.read(root + "/progress"), as: UTF8.self)
      .split(separator: "\n")
    try #require(lines.count == Self.databases.count)
    return try #require(
      lines.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.min())
  }

  /// How many transactions a copy of a database has, which is whole.
  func transactions(in path: String) throws -> Int {
    try #require(Int(run(["check", path]).text.filter(\.isNumber)))
  }

  func spoil(_ path: String) throws { try run(["spoil", path]) }

  /// S3 takes everything but what is to stand in the log: no snapshot can be committed.
  func refuseCommits(_ refuse: Bool) { refusal.isOn.withLock { $0 = refuse } }

  // MARK: The operator

  func say(_ text: String) { transcript.append("# \(text)") }

  /// Runs a line at the prompt.
  ///
  /// - Parameters:
  ///   - time: what the clock is off by.
  ///   - shown: so many lines of what it prints go into the transcript.
  @discardableResult
  func type(
    _ line: String, at time: String? = nil, environment: [String: String?] = [:], code: Int32 = 0,
    showing shown: Int = 4, at location: SourceLocation = #_sourceLocation
  ) throws -> Outcome {
    // The files' own times are what they are.
    let clock = time == nil ? [] : ["env", "NO_FAKE_STAT=1"] + Tools.clock(time)
    var variables = here.environment
    for (name, value) in environment { variables[name] = value }
    let outcome = try RunningProcess(
      clock + ["bash", "-o", "pipefail", "-c", line], environment: variables
    ).wait()
    #expect(
      outcome.code == code, "\(line): \(outcome.code)\n\(outcome.text)\n\(outcome.errors)",
      sourceLocation: location)
    if shown > 0 {
      let said =
        outcome.lines
        + outcome.errors.split(separator: "\n").filter {
          $0.hasPrefix("varve:")
        }
      transcript.append((time.map { "[\($0)] " } ?? "") + "$ " + line)
      transcript += said.prefix(shown).map { "  \($0)" }
      if said.count > shown { transcript.append("  …") }
      if outcome.code != 0 { transcript.append("  (exit code \(outcome.code))") }
    }
    return outcome
  }

  /// Asks the service; the answer's status and body.
  func ask(
    _ url: String, _ path: String, token: String? = nil, body: String? = nil, isShown: Bool = true
  ) throws -> (status: Int, body: Document, text: String) {
    let line =
      "curl --silent --max-time 20 --write-out '\\n%{http_code}' "
      + (token.map { "-H \"Authorization: Bearer $(cat \($0))\" " } ?? "")
      + (body.map { "-H 'Content-Type: application/json' -d '\($0)' " } ?? "") + url + path
    let outcome = try type(line, showing: 0)
    let status = try #require(outcome.lines.last.flatMap { Int($0) })
    let text = outcome.lines.dropLast().joined(separator: "\n")
    if isShown {
      let shown = line.replacing("--silent --max-time 20 --write-out '\\n%{http_code}' ", with: "")
        .replacing(url, with: "$URL")
      transcript += ["$ \(shown)", "  \(status) \(text.prefix(400))"]
    }
    return (status, try Document(parsing: text), text)
  }

  /// Snapshots of one source, oldest first.
  func snapshots(_ profile: String, _ source: String) throws -> [Document] {
    try here.snapshots().filter {
      $0["meta"]["profile"].string == profile && $0["meta"]["source"].string == source
    }
  }
}
