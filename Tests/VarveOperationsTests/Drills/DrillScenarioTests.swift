import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveTestSupport

/// Drills of five operators, each on a miniature of what they have.
@Suite(.serialized) struct DrillScenarioTests {
  private let bench: OperationsBench
  private let here: DrillBench

  init() throws {
    here = try DrillBench()
    bench = here.bench
  }

  private func shell(_ text: String) -> DrillCheck { .command(CommandSpecification(.shell(text))) }

  private func run(_ drill: Drill) throws -> DrillRecord {
    try bench.backUp("app", source: "app")
    try bench.backUp("etc", source: "etc")
    return try here.run(drill).record
  }

  private func expectSound(_ record: DrillRecord) {
    #expect(record.hasPassed, "\(record.failures)")
    #expect(!record.steps.contains { $0.result != .passed })
  }

  /// A: what a bot needs to start: configuration that parses, the state of its risks, the bill of materials as signed.
  @Test func theTradingBot() throws {
    let bill = "{\"components\":[]}\n"
    try bench.write("{\"limit\": 3}\n", to: "app/config/bot/main.json")
    try bench.write("{\"panicStop\": false}\n", to: "app/risk-state.json")
    try bench.write("{\"hand\": 1}\n{\"hand\": 2}\n", to: "app/sessions/2026-03-01.jsonl")
    try bench.write(bill, to: "app/sbom.json")
    try bench.write("TOKEN=x\n", to: "etc/env")
    expectSound(
      try run(
        here.drill([
          .digest(path: bench.source("app/sbom.json"), SHA256.digest(Array(bill.utf8))),
          .minimumSize(path: bench.source("app/sessions/2026-03-01.jsonl"), bytes: 20),
          shell(
            """
            cd "$VARVE_DRILL_DIRECTORY\(bench.source("app"))" &&
            for file in config/bot/*.json risk-state.json; do python3 -m json.tool "$file" || exit 1; done
            """),
          shell("grep -q panicStop .\(bench.source("app/risk-state.json"))"),
        ])))
  }

  /// B: a dump that makes a database again, and the service's own end points.
  @Test func theIncidentCommander() throws {
    try bench.write(
      "CREATE TABLE bets (id INTEGER);\nINSERT INTO bets VALUES (1), (2), (3);\n",
      to: "app/casino_db_20260301.sql")
    let packed = try CommandRun.run(
      CommandSpecification(.arguments(["gzip", bench.source("app/casino_db_20260301.sql")])))
    try #require(packed.isSuccess)
    for name in ["health", "ready", "version"] {
      try bench.write("{\"\(name)\": \"ok\"}\n", to: "app/www/api/\(name)")
    }
    try bench.write("{}", to: "etc/app.json")
    let port = DrillBench.freePort()
    var drill = here.drill(
      [
        shell(
          """
          gzip -dc .\(bench.source("app/casino_db_20260301.sql.gz")) | sqlite3 restored.db &&
          test "$(sqlite3 restored.db 'SELECT count(*) FROM bets')" = 3
          """)
      ] + ["health", "ready", "version"].map { here.probe(port, "/api/\($0)", contains: "ok") })
    drill.services = [here.service(port)]
    drill.recoveryTime = 3600
    expectSound(try run(drill))
  }

  /// C: seven databases in five minutes each, fifteen together.
  @Test func thePlatformTeam() throws {
    let names = ["auth", "billing", "credits", "audit", "quotas", "tenant_keys", "snapshots"]
    for name in names { try bench.database("app/\(name).db", table: name, rows: 50) }
    try bench.write("x", to: "etc/tenants")
    var drill = here.drill(
      names.flatMap { name -> [DrillCheck] in
        let path = bench.source("app/\(name).db")
        return [.integrity(path: path), .tables(path: path, [name: 50])]
      })
    drill.recoveryTime = 900
    drill.recoveryPoint = 86_400
    let record = try run(drill)
    expectSound(record)
    #expect(record.steps.count { $0.kind == .integrity } == 7)
  }

  /// D: a ledger, a chain of proofs, an archive that is not smaller than a megabyte.
  @Test func theProofKeeper() throws {
    try bench.database("app/ledger.db", table: "receipts", rows: 20)
    var previous = Digest.zero
    for number in 0..<30 {
      let text = "{\"number\":\(number),\"previous\":\"\(previous.hex)\"}"
      try bench.write(text, to: "app/proofs/\(String(1000 + number)).json")
      previous = SHA256.digest(Array(text.utf8))
    }
    var generator = SeededGenerator(seed: 4)
    try bench.write(generator.bytes(1 << 20), to: "app/archive.bin")
    try bench.write("nonces", to: "etc/nonces")
    var drill = here.drill([
      .integrity(path: bench.source("app/ledger.db")),
      .tables(path: bench.source("app/ledger.db"), ["receipts": 20]),
      .minimumSize(path: bench.source("app/archive.bin"), bytes: 1 << 20),
      shell(
        """
        previous=\(Digest.zero.hex); cd .\(bench.source("app/proofs")) &&
        for file in *.json; do
          grep -q "$previous" "$file" || { echo "the chain breaks at $file" >&2; exit 1; }
          previous=$(sha256sum "$file" | cut -c -64)
        done; test "$previous" = \(previous.hex)
        """),
    ])
    drill.recoveryTime = 1800
    drill.recoveryPoint = 3600
    expectSound(try run(drill))
    // The quarter's disaster: a proof in the middle is not what it was.
    try bench.write("{\"number\":7}", to: "app/proofs/1007.json")
    let broken = try run(drill)
    #expect(broken.failures.map(\.kind) == [.command])
    #expect(broken.failures.first?.finding.contains("the chain breaks at 1007.json") == true)
  }

  /// E: lists that `sha256sum -c` checks, of a registry and a state.
  @Test func theAgentPlatform() throws {
    var list = ""
    for number in 0..<25 {
      let text = "agent \(number)\n"
      try bench.write(text, to: "app/registry/a\(number)")
      list += "\(SHA256.digest(Array(text.utf8)).hex)  a\(number)\n"
    }
    try bench.write(list, to: "app/registry/SHA256SUMS")
    try bench.write("chains: []\n", to: "etc/chains.yaml")
    var drill = here.drill([
      shell("cd .\(bench.source("app/registry")) && sha256sum -c SHA256SUMS")
    ])
    drill.recoveryTime = 4 * 3600
    drill.recoveryPoint = 86_400
    let record = try run(drill)
    expectSound(record)
    #expect(record.steps.first { $0.kind == .command }?.output.contains("a24: OK") == true)
  }
}
