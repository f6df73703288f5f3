import Foundation
import Glibc
import Testing
import VarveFormat
import VarveProof
import VarveTestThreads

@Suite(.onOwnThreads) struct WitnessTests {
  private let here: Workspace

  init() throws {
    here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    try here.useKeyFile()
    try here.backup()
  }

  private func witnesses(_ count: Int) throws -> [WitnessHost] {
    let log = try here.logKey()
    return try (1...count).map { try WitnessHost(here, "w\($0)", logs: [log]) }
  }

  @Test func cosignaturesOfAQuorumAreKeptAndRequired() throws {
    let witnesses = try witnesses(3)
    try here.writePolicy(2, witnesses)
    let policy = here.policyFile
    // Without them, whoever requires them believes nothing.
    try here.fail(
      22, "snapshots", "--witness-policy", policy, saying: ["quorum", "hint", "witness cosign"])
    try here.fail(22, "check", "--witness-policy", policy, saying: ["quorum"])
    try here.fail(22, "log", "verify", "--witness-policy", policy, saying: ["quorum"])
    let size = try here.logEntries().count
    let cosigned = try here.cosign()
    #expect(cosigned["size"].number == size && cosigned["entry"].number == size)
    #expect(cosigned["witnesses"].list.count == 3 && cosigned["failed"].list.isEmpty)
    let entry = try #require(try here.logEntries().last)
    #expect(entry["kind"].string == "cosign")
    let shown = try here.succeed("log", "show").text
    #expect(shown.contains("size \(size) by w1.example/w w2.example/w w3.example/w"))
    for command in ["snapshots", "check"] {
      try here.succeed(
        command, "--witness-policy", policy, "--max-cosignature-age", "1h")
    }
    here.environment["VARVE_WITNESS_POLICY"] = policy
    here.environment["VARVE_MAX_COSIGNATURE_AGE"] = "1h"
    try here.succeed("log", "verify")
    try here.succeed("backup", here.source)
    // One may be away, two may not.
    try witnesses[1].stop()
    let second = try here.varve("witness", "cosign", "--json")
    #expect(second.code == 0, "\(second.errors)")
    #expect(try second.message("cosigned")["failed"].list.count == 1)
    #expect(second.errors.contains("warning") && second.errors.contains("w2"), "\(second.errors)")
    try witnesses[2].stop()
    let before = try here.logEntries().count
    try here.fail(1, "witness", "cosign", saying: ["1 of 3", "quorum", "hint"])
    #expect(try here.logEntries().count == before)
    // They come back, and know where they were.
    try witnesses[1].restart()
    try witnesses[2].restart()
    try here.writePolicy(3, witnesses)
    #expect(try here.cosign()["size"].number == before)
    try here.succeed("log", "verify")
    try here.succeed("check", "--read-data")
  }

  /// On a machine that has never seen the repository, too.
  @Test func staleCosignaturesAreNotBelieved() throws {
    let witnesses = try witnesses(1)
    try here.writePolicy(1, witnesses)
    try here.cosign()
    here.environment["XDG_STATE_HOME"] = here.root + "/another-machine"
    let options = ["--witness-policy", here.policyFile, "--max-cosignature-age", "36h"]
    func code(_ time: String) throws -> Int32 {
      try here.run(Tools.clock(time) + [Tools.varve, "snapshots"] + options).code
    }
    #expect(try code("+35h") == 0)
    let late = try here.run(Tools.clock("+37h") + [Tools.varve, "snapshots"] + options)
    #expect(late.code == 22)
    #expect(late.errors.contains("seconds old") && late.errors.contains("hint"), "\(late.errors)")
    // Of a clock that is far behind, nobody can say what is fresh.
    #expect(try code("-1h") == 22)
    // What is required of age needs somebody to require it of.
    try here.fail(64, "snapshots", "--max-cosignature-age", "36h", saying: ["witness", "hint"])
    here.environment["VARVE_MAX_COSIGNATURE_AGE"] = "soon"
    try here.fail(64, "snapshots", "--witness-policy", here.policyFile, saying: ["duration"])
  }

  /// The forked log is the longer one: the witness refuses it (422), and shows what it has cosigned.
  @Test func aForkIsRefusedAndShownWithBothHeads() throws {
    let witnesses = try witnesses(2)
    try here.writePolicy(1, witnesses)
    try here.copy(here.repository, to: here.root + "/forked")
    try here.backup()
    let cosigned = try here.cosign()
    // Somebody with a writer's key and the storage shows another history to a machine that is new.
    let right = here.repository
    here.environment["XDG_STATE_HOME"] = here.root + "/another-machine"
    here.environment["VARVE_REPOSITORY"] = here.root + "/forked"
    for number in 0..<4 {
      try here.write("other \(number)", to: here.source + "/other")
      try here.backup()
    }
    let before = try here.logEntries().count
    let refused = try here.fail(
      22, "witness", "cosign", "--witness-policy", here.policyFile,
      saying: ["forked", "both signed heads", "hint"])
    #expect(try here.logEntries().count == before, "nothing is appended")
    let key = try VerifierKey(text: here.logKey())
    try expectTwoHeads(
      refused, key, sizes: [UInt64(before), UInt64(try #require(cosigned["size"].number))])
    // The witnesses kept what the log signed against itself.
    for witness in witnesses {
      let conflicts = here.objects("conflicts/", repository: witness.directory)
      #expect(conflicts.count == 1)
      for name in conflicts {
        let note = try SignedNote(here.read("\(witness.directory)/\(name)"), name)
        try note.verify(by: [key], name)
      }
    }
    // The right one is cosigned as ever.
    here.environment["VARVE_REPOSITORY"] = right
    here.environment["XDG_STATE_HOME"] = here.root + "/state"
    try here.cosign()
  }

  /// Storage that shows an old state to a new machine: the witness has cosigned more (409).
  @Test func aRolledBackLogIsShownWithBothHeads() throws {
    try here.writePolicy(1, witnesses(1))
    try here.copy(here.repository, to: here.root + "/older")
    try here.backup()
    try here.cosign()
    here.environment["XDG_STATE_HOME"] = here.root + "/another-machine"
    here.environment["VARVE_REPOSITORY"] = here.root + "/older"
    let size = try here.logEntries().count
    let refused = try here.fail(
      22, "witness", "cosign", "--witness-policy", here.policyFile,
      saying: ["rolled back", "both signed heads"])
    // The backup, and what is cosigned: all but the cosign entry itself.
    try expectTwoHeads(
      refused, VerifierKey(text: here.logKey()), sizes: [UInt64(size), UInt64(size + 1)])
  }

  /// The file that an error names has two checkpoints, each signed by the log.
  private func expectTwoHeads(_ outcome: Outcome, _ key: VerifierKey, sizes: [UInt64]) throws {
    let words = outcome.errors.split { $0.isWhitespace }
    let path = try #require(words.first { $0.hasPrefix("/") && $0.hasSuffix(".txt") })
    let text = String(decoding: try here.read(String(path)), as: UTF8.self)
    let notes = text.components(separatedBy: "\n--- ").map { part in
      String(part.drop { $0 != "\n" }.dropFirst())
    }
    try #require(notes.count == 2, "\(text)")
    var heads: [TreeHead] = []
    for note in notes {
      let bytes = Array((note.hasSuffix("\n") ? note : note + "\n").utf8)
      let parsed = try SignedNote(bytes, "evidence")
      try parsed.verify(by: [key], "evidence")
      heads.append(try Checkpoint(text: parsed.text, "evidence").head)
    }
    #expect(heads.map(\.size) == sizes)
    #expect(heads[0] != heads[1])
  }

  /// A second machine cosigns while this one has not read on: no fork, only more to read.
  @Test func aWitnessThatIsAheadIsAsked() throws {
    try here.writePolicy(1, witnesses(1))
    try here.cosign()
    here.environment["XDG_STATE_HOME"] = here.root + "/another-machine"
    try here.backup()
    try here.cosign()
    here.environment["XDG_STATE_HOME"] = here.root + "/state"
    #expect(try here.cosign()["size"].number == here.logEntries().count - 1)
    try here.succeed("log", "verify")
  }

  @Test func theServerKeepsToItsProtocol() throws {
    let witness = try witnesses(1)[0]
    try here.writePolicy(1, [witness])
    let url = witness.server.url
    func ask(_ arguments: String...) throws -> String {
      try here.run(
        ["curl", "-s", "-o", here.root + "/answer", "-w", "%{http_code} %{content_type}"]
          + arguments
      ).text
    }
    try here.write("old 0\n", to: here.root + "/short")
    #expect(
      try ask("--data-binary", "@\(here.root)/short", url + "/add-checkpoint").hasPrefix("400"))
    try here.write([UInt8](repeating: 65, count: 70_000), to: here.root + "/long")
    #expect(
      try ask("--data-binary", "@\(here.root)/long", url + "/add-checkpoint").hasPrefix("413"))
    #expect(try ask(url + "/add-checkpoint").hasPrefix("404"))
    #expect(try ask(url + "/0123/checkpoint").hasPrefix("404"))
    #expect(try ask(url + "/..%2f..%2fkey/checkpoint").hasPrefix("404"))
    try here.cosign()
    let note = try here.read(here.repository + "/log/checkpoint")
    try here.write(Array("old 0\n\n".utf8) + note, to: here.root + "/again")
    #expect(
      try ask("--data-binary", "@\(here.root)/again", url + "/add-checkpoint")
        == "409 text/x.tlog.size")
    // Only one process serves a directory.
    try here.fail(
      1, "witness", "serve", witness.directory, "--listen", "127.0.0.1:0",
      saying: ["another process"])
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      try witness.restart()
      #expect(try witness.server.stop(signal).code == 0)
      try witness.restart()
    }
  }

  @Test func usage() throws {
    let key = try here.logKey()
    try here.fail(64, "witness", "cosign", saying: ["witness-policy", "hint"])
    try here.fail(1, "witness", "cosign", "--witness-policy", here.root + "/nothing")
    try here.write("quorum\n", to: here.policyFile)
    try here.fail(
      64, "witness", "cosign", "--witness-policy", here.policyFile, saying: ["line 1", "hint"])
    try here.write("quorum none\n", to: here.policyFile)
    try here.fail(64, "witness", "cosign", "--witness-policy", here.policyFile, saying: ["witness"])
    let other = try Workspace()
    try other.succeed("init")
    try here.write("log \(try other.logKey())\nquorum none\n", to: here.policyFile)
    try here.fail(
      64, "witness", "cosign", "--witness-policy", here.policyFile, saying: ["add a line", key])
    try here.fail(22, "snapshots", "--witness-policy", here.policyFile, saying: ["add a line"])
    let directory = here.root + "/witness"
    try here.fail(64, "witness", "init", directory, "--name", "a b", saying: ["name"])
    try here.fail(64, "witness", "init", directory, "--name", "w", "--log", "x", saying: ["key"])
    try here.succeed("witness", "init", directory, "--name", "w", "--log", key)
    try here.fail(1, "witness", "init", directory, "--name", "w", saying: ["already", "hint"])
    try here.fail(1, "witness", "serve", here.root + "/nothing")
    try here.fail(64, "witness", "serve", directory, "--listen", "8080", saying: ["port"])
    try here.fail(
      1, "witness", "serve", directory, "--listen", "192.0.2.1:1", saying: ["cannot serve"])
    try here.write("— w", to: directory + "/key")
    try here.fail(20, "witness", "serve", directory, saying: ["private key"])
  }
}
