import Glibc
import Testing
import VarveFormat
import VarveOperations
import VarveServer
import VarveTestSupport
import VarveTestThreads

/// docs/service-openapi.yaml says what the service does, and its metrics are what Prometheus reads.
@Suite(.onOwnThreads) struct ServiceDescriptionTests {
  private static let sources =
    "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
  private static let python = sources + "/.build/python/bin/"

  @Test func theServiceShowsTheDocument() throws {
    let bench = try ServiceBench()
    try bench.makeRepository()
    try bench.start()
    let document = try FileBytes.read(Self.sources + "/docs/service-openapi.yaml")
    let answer = try bench.ask("GET", "/api/openapi.yaml")
    #expect(answer.status == 200 && answer.body == document, "run scripts/server-description")
  }

  @Test func schemathesisFindsNoFailure() throws {
    try #require(
      access(Self.python + "schemathesis", X_OK) == 0,
      "scripts/install-requirements --judges installs it")
    let bench = try ServiceBench()
    try bench.makeHistory(days: 1)
    try bench.start()
    try bench.waitUntilReady()
    let token = try bench.token(.full)
    try FileBytes.write(
      Array(
        """
        [[operations]]
        include-operation-id = ["listSnapshots", "startDrill"]
        parameters = { "path.profile" = "platform", "path.source" = "auth-db", "path.drill" = "databases" }
        # Paths have no types, and a name that there is not is no violation.
        checks.negative_data_rejection.enabled = false
        """.utf8), to: bench.directory("schemathesis.toml"))
    let output = bench.directory("output")
    let examples = getenv("VARVE_SOAK") == nil ? "5" : "500"
    let code = try ChildProgram(
      [
        "env", "PYTHONDONTWRITEBYTECODE=1", "HYPOTHESIS_STORAGE_DIRECTORY=\(bench.directory("h"))",
        "sh", "-c", "cd \"$0\" && exec \"$@\"", bench.directory.path,
        Self.python + "schemathesis", "run", "http://127.0.0.1:\(bench.port)/api/openapi.yaml",
        "--max-examples", examples, "--seed", "7", "--header", "Authorization: Bearer \(token)",
        "--phases", "examples,coverage,fuzzing", "--mode", "all", "--exclude-checks",
        "positive_data_acceptance", "--generation-database", "none",
      ], output: output
    ).run()
    let text = String(decoding: try FileBytes.read(output), as: UTF8.self)
    #expect(code == 0, "\(text)")
    #expect(text.contains("passed"), "\(text)")
  }

  /// The parser of Prometheus' own Python client, on a scrape with labels that need escaping.
  @Test func prometheusReadsTheMetrics() throws {
    let bench = try ServiceBench()
    try bench.makeHistory(days: 2)
    var odd = try #require(bench.configuration.profiles["bot"])
    odd.name = "o\"d\\d\nname"
    bench.configuration.profiles[odd.name] = odd
    bench.configuration.metricsFile = bench.directory("varve.prom")
    try bench.start()
    try bench.waitUntilReady()
    let token = try bench.token(.read)
    let scrape = try bench.ask("GET", "/metrics", token: token)
    #expect(scrape.status == 200)
    #expect(scrape.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
    try FileBytes.write(scrape.body, to: bench.directory("scrape"))
    try FileBytes.write(
      Array(
        """
        import sys
        from prometheus_client.parser import text_string_to_metric_families
        for path in sys.argv[1:]:
            text = open(path, encoding="utf-8").read()
            found = {}
            for family in text_string_to_metric_families(text):
                assert family.documentation and family.type == "gauge", family
                for sample in family.samples:
                    key = (sample.name, tuple(sorted(sample.labels.items())))
                    assert key not in found, key
                    found[key] = sample.value
            def value(name, **labels): return found[name, tuple(sorted(labels.items()))]
            odd = dict(profile='o"d\\\\d\\nname', source="state", repository="main")
            assert value("varve_source_healthy", **odd) == 0
            assert value("varve_source_problem", kind="never", **odd) == 1
            good = dict(profile="platform", source="auth-db", repository="main")
            assert value("varve_source_healthy", **good) == 1
            assert value("varve_snapshots", **good) == 3
            assert value("varve_snapshot_last_timestamp_seconds", **good) > 1.5e9
            assert value("varve_backups_healthy") == 0
            assert value("varve_drill_last_success", profile="platform", drill="databases") == 1
            print("read", len(found))
        """.utf8), to: bench.directory("read.py"))
    let output = bench.directory("output")
    let code = try ChildProgram(
      [
        Self.python + "python", bench.directory("read.py"), bench.directory("scrape"),
        bench.directory("varve.prom"),
      ], output: output
    ).run()
    let text = String(decoding: try FileBytes.read(output), as: UTF8.self)
    #expect(code == 0, "\(text)")
  }
}
