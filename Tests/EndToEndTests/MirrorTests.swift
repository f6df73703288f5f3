import Foundation
import Glibc
import Testing
import VarveTestThreads

/// A twin that `varve mirror` keeps, and what can be done with it alone.
@Suite(.onOwnThreads) struct MirrorCommandTests {
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    try here.useKeyFile()
    try here.backup()
    return here
  }

  private func mirror(_ here: Workspace, _ arguments: String...) throws -> Outcome {
    try here.withoutSecrets {
      try here.varve(["mirror", "--from-repo", here.repository, "--repo", here.twin] + arguments)
    }
  }

  /// Requires that both have the same objects with the same bytes.
  private func expectEqual(
    _ here: Workspace, at location: SourceLocation = #_sourceLocation
  ) throws {
    func names(_ repository: String) -> [String] {
      here.objects(repository: repository).filter {
        !$0.hasPrefix("sessions/") && !$0.hasPrefix("tmp/")
      }
    }
    let own = names(here.repository)
    #expect(own == names(here.twin), sourceLocation: location)
    for name in own {
      let bytes = try here.read("\(here.repository)/\(name)")
      #expect(try here.read("\(here.twin)/\(name)") == bytes, sourceLocation: location)
    }
  }

  /// From the first mirror to a restore and a proof from the twin alone, with nothing but the repository's own key.
  @Test func theTwinIsAsGoodAsTheRepository() throws {
    let here = try prepare()
    let first = try mirror(here, "--json")
    #expect(first.code == 0, "\(first.errors)")
    let summary = try first.message("summary")
    #expect(summary["created"].flag == true && summary["objects_failed"].number == 0)
    #expect((summary["objects_copied"].number ?? 0) > 4 && summary["commits_copied"].number == 3)
    try expectEqual(here)

    try here.write("changed", to: here.source + "/hello.txt")
    var generator = SeededGenerator(seed: 9)
    try here.write(generator.bytes(400_000), to: here.source + "/new")
    try here.backup()
    try here.succeed("forget", "--keep-last", "1")
    try here.succeed("prune", "--now", "--max-unused", "0")
    let told = try mirror(here, "--dry-run")
    #expect(told.code == 0 && told.text.contains("would have deleted"), "\(told.text)")
    let second = try mirror(here, "--json")
    #expect(second.code == 0, "\(second.errors)")
    #expect((try second.message("summary")["objects_deleted"].number ?? 0) > 0)
    try expectEqual(here)
    let third = try mirror(here)
    #expect(third.text.contains("copied 0 objects") && third.text.contains("added 0 commits"))

    // Only the twin is left, and a machine that has never seen either.
    let key = try #require(here.succeed("cat", "config").document()["logKey"].string)
    let lost = here.root + "/lost"
    _ = try here.run(["mv", here.repository, lost])
    here.environment["VARVE_REPOSITORY"] = here.twin
    here.environment["XDG_STATE_HOME"] = here.root + "/other-state"
    here.environment["XDG_CACHE_HOME"] = here.root + "/other-cache"
    let restored = try here.restoreSource("latest", "--no-receipt")
    #expect(restored.code == 0, "\(restored.errors)")
    try here.expectEqual(here.source, here.target, "--skip-root")
    try here.succeed("check", "--read-data", "--no-record")
    try here.withoutSecrets { _ = try here.succeed("log", "verify") }
    let proof = here.root + "/proof"
    try here.succeed("proof", "create", "latest", here.source + "/new", "-o", proof)
    try here.succeed("proof", "verify", proof, "--key", key, "--file", here.source + "/new")
    // What was done here has left nothing in the log, so the twin can still be mirrored to.
    _ = try here.run(["mv", lost, here.repository])
    try expectEqual(here)
  }

  @Test func whatOneHasLostComesBackFromTheOther() throws {
    let here = try prepare()
    #expect(try mirror(here).code == 0)
    let pack = try here.largestPack()
    unlink(pack)
    let config = here.repository + "/config"
    let outcome = try mirror(here, "--read-data")
    #expect(outcome.code == 0, "the twin has all: \(outcome.errors)")
    try here.withoutSecrets {
      _ = try here.succeed("mirror", "--from-repo", here.twin, "--repo", here.repository)
    }
    try expectEqual(here)
    try here.succeed("check", "--read-data", "--no-record")
    #expect(here.exists(pack) && here.exists(config))
  }

  @Test func damageIsNamedAndTheExitCodeSaysSo() throws {
    let here = try prepare()
    let pack = try here.largestPack()
    let name = String(pack.dropFirst(here.repository.utf8.count + 1))
    var bytes = try here.read(pack)
    bytes[bytes.count / 2] ^= 1
    _ = try here.run(["chmod", "u+w", pack])
    try here.write(bytes, to: pack)
    let outcome = try mirror(here, "--json")
    #expect(outcome.code == 20)
    #expect(outcome.errors.contains(name) && outcome.errors.contains("\"during\":\"mirror\""))
    #expect(try outcome.message("summary")["objects_failed"].number == 1)
    let others = here.objects().filter { $0 != name && !$0.hasPrefix("tmp") }
    #expect(others.allSatisfy { here.exists("\(here.twin)/\($0)") })
    #expect(!here.exists("\(here.twin)/\(name)"))
  }

  /// A client that has seen the newer state of one does not take the older twin for it; mirroring again is the remedy.
  @Test func aTwinThatLagsBehind() throws {
    let here = try prepare()
    #expect(try mirror(here).code == 0)
    try here.backup()
    let outcome = try here.varve("snapshots", "--repo", here.twin)
    #expect(outcome.code == 22)
    #expect(outcome.errors.contains("varve mirror"), "\(outcome.errors)")
    #expect(try mirror(here).code == 0)
    #expect(try here.varve("snapshots", "--repo", here.twin).code == 0)
    // The older state of the source itself is refused before anything is done at the twin.
    let older = here.root + "/older"
    try here.copy(here.repository, to: older)
    try here.backup()
    #expect(try mirror(here).code == 0)
    let replaced = try here.withoutSecrets {
      try here.varve("mirror", "--from-repo", older, "--repo", here.twin)
    }
    #expect(replaced.code == 22)
    // Who has seen neither is told by the twin.
    here.environment["XDG_STATE_HOME"] = here.root + "/other-state"
    let ahead = try here.withoutSecrets {
      try here.varve("mirror", "--from-repo", older, "--repo", here.twin)
    }
    #expect(ahead.code == 1 && ahead.errors.contains("the other way"), "\(ahead.errors)")
  }

  @Test func writingToBoth() throws {
    let here = try prepare()
    #expect(try mirror(here).code == 0)
    // A record of a check at the twin: mirrored the other way, nothing is lost.
    try here.succeed("check", "--repo", here.twin)
    try here.withoutSecrets {
      _ = try here.succeed("mirror", "--from-repo", here.twin, "--repo", here.repository)
    }
    try expectEqual(here)
    // With entries that each has alone, nobody can say which is right.
    here.environment["XDG_STATE_HOME"] = here.root + "/state2"
    try here.succeed("check", "--repo", here.twin)
    here.environment["XDG_STATE_HOME"] = here.root + "/state3"
    try here.backup()
    let outcome = try mirror(here)
    #expect(outcome.code == 22 && outcome.errors.contains("another history"), "\(outcome.errors)")
  }

  @Test func mistakes() throws {
    let here = try prepare()
    here.environment["VARVE_FROM_REPOSITORY"] = nil
    try here.fail(64, "mirror", "--repo", here.twin, saying: ["no source repository"])
    try here.fail(
      64, "mirror", "--repo", here.repository, "--from-repo", here.repository,
      saying: ["same place"])
    // By another name, too.
    symlink(here.repository, here.root + "/link")
    try here.fail(
      64, "mirror", "--repo", here.root + "/link", "--from-repo", here.repository,
      saying: ["same place"])
    try here.fail(
      64, "mirror", "--repo", here.repository, "--from-repo", here.root + "/./repository",
      saying: ["same place"])
    try here.fail(10, "mirror", "--repo", here.twin, "--from-repo", here.root + "/none")
    #expect(!here.exists(here.twin))
    try here.makeOtherRepository()
    try here.fail(
      1, "mirror", "--repo", here.otherRepository, "--from-repo", here.repository,
      saying: ["another repository", "varve copy"])
  }
}

extension Workspace {
  fileprivate var twin: String { root + "/twin" }

  /// Runs `body` with nothing at hand that unlocks.
  fileprivate func withoutSecrets<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = environment
    defer { environment = before }
    for name in ["VARVE_PASSWORD_FILE", "VARVE_KEY_FILE", "VARVE_PASSWORD"] {
      environment[name] = nil
    }
    return try body()
  }
}
