import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct ConcurrencyTests {
  @Test func racingBackupsBothWin() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    var generator = SeededGenerator(seed: 50)
    let rounds = Tools.rounds(5, soak: 50)
    for round in 0..<rounds {
      let shared = generator.bytes(200_000)
      var running: [RunningProcess] = []
      for author in ["a", "b"] {
        let source = here.root + "/" + author
        try here.write(shared, to: source + "/shared")
        try here.write(generator.bytes(50_000), to: source + "/own")
        running.append(try here.start("backup", source, "--host", author))
      }
      for process in running {
        let outcome = try process.wait()
        #expect(outcome.code == 0, "round \(round): \(outcome.code) \(outcome.errors)")
      }
    }
    #expect(try here.snapshots("--host", "a").count == rounds)
    #expect(try here.snapshots("--host", "b").count == rounds)
    try here.succeed("log", "verify")
    try here.succeed("check", "--read-data")
    for author in ["a", "b"] {
      let target = here.target + author
      try here.succeed(
        "restore", "latest:\(here.root)/\(author)", "--host", author, "--target", target)
      try here.expectEqual(here.root + "/" + author, target, "--skip-root")
    }
  }

  @Test func backupsKilledAtAnyMomentNeedNoRepair() throws {
    let here = try Workspace()
    var generator = SeededGenerator(seed: 9)
    for number in 0..<40 {
      try here.write(generator.bytes(250_000), to: here.source + "/\(number % 4)/\(number)")
    }
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    let whole = try here.succeed("backup", here.source).seconds
    var killed = 0
    for round in 0..<Tools.rounds(10, soak: 200) {
      for number in 0..<12 {
        try here.write(generator.bytes(400_000), to: here.source + "/\(number % 4)/\(number)")
      }
      let running = try here.start("backup", here.source)
      let moment = Double.random(in: 0...whole * 1.2, using: &generator)
      if !running.ended(within: Int32(moment * 1000)) {
        running.send(SIGKILL)
        killed += 1
      }
      _ = try running.wait()
      let after = try here.varve("backup", here.source)
      #expect(after.code == 0, "after a kill at \(moment) s, round \(round): \(after.errors)")
      let check = try here.varve("check", "--read-data")
      #expect(check.code == 0, "after a kill at \(moment) s, round \(round): \(check.errors)")
    }
    #expect(killed > 0, "no backup was killed in time")
    try here.succeed("log", "verify")
    try here.succeed("restore", "latest:\(here.source)", "--target", here.target)
    try here.expectEqual(here.source, here.target, "--skip-root")
  }
}
