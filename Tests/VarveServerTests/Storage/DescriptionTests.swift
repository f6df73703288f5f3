import Glibc
import Testing
import VarveFormat
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// docs/server-openapi.yaml says what the server does.
@Suite(.onOwnThreads) struct DescriptionTests {
  private static let sources =
    "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
  private static let schemathesis = sources + "/.build/python/bin/schemathesis"

  @Test func theServerShowsTheDocument() throws {
    let bench = try ServerBench()
    let document = try FileBytes.read(Self.sources + "/docs/server-openapi.yaml")
    #expect(!document.isEmpty)
    let answer = try bench.ask("GET", "/openapi.yaml")
    #expect(answer.status == 200 && answer.body == document, "run scripts/server-description")
    #expect(answer.fields["content-type"] == "application/yaml")
  }

  /// Requests that schemathesis makes up from the document, valid ones and others: every answer is one that the
  /// document has, with the fields and the body that it says.
  @Test func schemathesisFindsNoFailure() throws {
    try #require(
      access(Self.schemathesis, X_OK) == 0, "scripts/install-requirements --judges installs it")
    let bench = try ServerBench()
    try bench.local().create()
    try bench.local().put("log/checkpoint", [UInt8](repeating: 1, count: 1_000))
    let token = try bench.token(.full)
    // So that most requests get as far as the repository, and many to an object that is there.
    try FileBytes.write(
      Array(
        """
        [parameters]
        "path.repository" = "web"

        [[operations]]
        include-operation-id = ["readObject", "describeObject", "settleObject"]
        parameters = { "path.name" = "log/checkpoint" }

        # Paths have no types: "true" is a name like any other, and no violation of one that is to be a string.
        [[operations]]
        include-operation-id = ["storeObject", "removeObject"]
        checks.negative_data_rejection.enabled = false
        """.utf8), to: bench.directory("schemathesis.toml"))
    let output = bench.directory("output")
    let examples = getenv("VARVE_SOAK") == nil ? "25" : "1000"
    let code = try ChildProgram(
      [
        "env", "PYTHONDONTWRITEBYTECODE=1", "HYPOTHESIS_STORAGE_DIRECTORY=\(bench.directory("h"))",
        "sh", "-c", "cd \"$0\" && exec \"$@\"", bench.directory.path, Self.schemathesis, "run",
        "http://127.0.0.1:\(bench.port)/openapi.yaml", "--max-examples", examples, "--seed", "7",
        "--header", "Authorization: Bearer \(token)", "--phases", "examples,coverage,fuzzing",
        "--mode", "all", "--exclude-checks", "positive_data_acceptance",
        "--generation-database", "none",
      ], output: output
    ).run()
    let text = String(decoding: try FileBytes.read(output), as: UTF8.self)
    #expect(code == 0, "\(text)")
    #expect(text.contains("passed"), "\(text)")
  }
}
