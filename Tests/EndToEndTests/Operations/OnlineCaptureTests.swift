import Glibc
import Testing
import VarveTestThreads

/// A database is captured while a program does 500 transactions a second: each capture holds what one transaction left, and
/// all that was committed before it began. A plain copy of the file does not, or there would be no need for any of this.
@Suite(.onOwnThreads) struct OnlineCaptureTests {
  private static let ledger = Tools.sources + "/fixtures/operations/ledger.py"

  private func committed(_ path: String, _ here: Workspace) throws -> Int {
    try here.read(path).reduce(0) { $0 << 8 | Int($1) }
  }

  private func judge(_ path: String, least: Int, _ here: Workspace) throws -> String? {
    let outcome = try here.run([Tools.python, Self.ledger, "check", path, "\(least)"])
    return outcome.code == 0 ? nil : outcome.errors
  }

  @Test(.timeLimit(.minutes(60)), arguments: ["wal", "delete"])
  func everyCaptureIsWhatOneTransactionLeft(journal: String) throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    let (database, progress) = (here.source + "/ledger.db", here.root + "/progress")
    try here.write("", to: here.source + "/.keep")
    try here.configure(
      """
      profiles:
        ledger:
          sources: [{ sqlite: \(database), name: ledger, retention: { last: 2 } }]

      """)
    let writer = try RunningProcess(
      [Tools.python, Self.ledger, "write", database, journal, progress, "500"],
      environment: here.environment)
    var isEnded = false
    // Its number may be another process's once it has been waited for.
    defer { if !isEnded { writer.send(SIGKILL) } }
    while try (!here.exists(progress) || committed(progress, here) < 50)
      && !writer.ended(within: 20)
    {}
    var (plainFailures, captured) = (0, 0)
    for round in 0..<Tools.rounds(15, soak: 500) {
      let before = try committed(progress, here)
      let outcome = try here.runProfiles("ledger", "--json")
      try #require(outcome.code == 0, "round \(round): \(outcome.errors)")
      let source = try outcome.message("run")["sources"][0]
      let id = try #require(source["snapshot_id"].string)
      let copy = here.root + "/copy.db"
      try here.write(try here.succeed("dump", id, database).output, to: copy)
      let problem = try judge(copy, least: before, here)
      #expect(problem == nil, "round \(round), \(id): \(problem ?? "")")
      captured += 1
      let plain = here.root + "/plain.db"
      let copied = try committed(progress, here)
      #expect(try here.run(["cp", database, plain]).code == 0)
      if try judge(plain, least: copied, here) != nil { plainFailures += 1 }
      // What judging made of it must not be taken for the next copy's.
      for name in ["", "-wal", "-shm", "-journal"] { unlink(plain + name) }
      // A database of which most pages have changed each time fills a disk.
      if round % 25 == 24 { try here.succeed("prune", "--now") }
    }
    writer.send(SIGTERM)
    let done = try writer.wait()
    isEnded = true
    print(
      "\(journal): \(captured) captures; of plain copies \(plainFailures) failed;",
      done.lines.last ?? "")
    #expect(done.code == 0, "\(done.errors)")
    #expect(plainFailures > 0, "a plain copy was as good")
    try here.succeed("check", "--read-data")
  }
}
