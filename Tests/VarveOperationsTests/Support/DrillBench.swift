import Glibc
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// A small service with all that a drill can check, and drills of it.
struct DrillBench {
  let bench: OperationsBench

  init() throws { bench = try OperationsBench() }

  /// Something like a small service: its database, a configuration, logs.
  func makeSources() throws {
    try bench.database("app/users.db", table: "users", rows: 300)
    try bench.sqlite(
      "app/users.db", "CREATE TABLE grants (id INTEGER); INSERT INTO grants VALUES (1), (2);")
    try bench.write(
      String(repeating: "{\"event\":\"start\"}\n", count: 800), to: "app/logs/app.jsonl")
    try bench.write("ready: true\n", to: "app/www/health")
    try bench.write("", to: "app/empty")
    symlink("logs/app.jsonl", bench.source("app/current"))
    for number in 0..<40 { try bench.write("file \(number)", to: "app/many/f\(number)") }
    try bench.write("key: value\n", to: "etc/app.yaml")
  }

  func backUp(at time: Timestamp? = nil) throws {
    try bench.backUp("app", source: "app", at: time)
    try bench.backUp("etc", source: "etc", at: time)
  }

  var users: String { bench.source("app/users.db") }

  static func freePort() -> UInt16 {
    let listener = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
    defer { listener.stop() }
    return listener.port
  }

  func service(_ port: UInt16, _ command: String? = nil) -> DrillService {
    let directory = "$VARVE_DRILL_DIRECTORY" + bench.source("app/www")
    var service = DrillService(
      name: "web",
      command: CommandSpecification(
        .shell(
          command
            ?? "exec python3 -m http.server --bind 127.0.0.1 --directory \"\(directory)\" \(port)"))
    )
    var ready = HTTPProbe(url: "http://127.0.0.1:\(port)/")
    ready.timeout = 15
    service.ready = ready
    return service
  }

  func probe(
    _ port: UInt16, _ path: String = "/health", status: Int = 200, contains: String?
  )
    -> DrillCheck
  {
    var probe = HTTPProbe(url: "http://127.0.0.1:\(port)\(path)")
    probe.status = status
    probe.contains = contains
    probe.timeout = 1
    return .http(probe)
  }

  func drill(_ checks: [DrillCheck] = []) -> Drill {
    var drill = Drill(name: "monthly")
    drill.checks = checks
    return drill
  }

  /// All that a drill can check.
  func fullDrill(_ port: UInt16) throws -> Drill {
    var drill = drill([
      .integrity(path: users), .tables(path: users, ["users": 300, "grants": 2]),
      .minimumSize(path: bench.source("app/logs/app.jsonl"), bytes: 1000),
      .digest(
        path: bench.source("etc/app.yaml"), SHA256.digest(Array("key: value\n".utf8))),
      .command(
        CommandSpecification(
          .shell("test \"$PWD\" = \"$VARVE_DRILL_DIRECTORY\" && echo $VARVE_PROFILE $VARVE_DRILL"))),
      probe(port, contains: "ready: true"), probe(port, "/none", status: 404, contains: nil),
    ])
    drill.services = [service(port)]
    drill.recoveryTime = 600
    drill.recoveryPoint = 3600
    return drill
  }

  func run(
    _ drill: Drill, _ change: (inout DrillRun.Options) -> Void = { _ in },
    cancellation: CancellationFlag = CancellationFlag()
  ) throws -> DrillRun.Outcome {
    var options = DrillRun.Options(base: bench.directory("drills"))
    change(&options)
    return try DrillRun(
      bench.indexed, bench.profile(["app", "etc"]), drill,
      id: Hex.encode(SecureRandom.bytes(16)), options: options, cancellation: cancellation
    ).run()
  }

  func names(_ directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}

extension LogEntry {
  var receipt: LogStatement.Receipt? {
    if case .receipt(let receipt) = statement.body { receipt } else { nil }
  }
}
