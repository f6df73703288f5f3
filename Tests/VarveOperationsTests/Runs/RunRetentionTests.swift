import Glibc
import Testing
import Varve
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// What a run forgets: of what its profile has made of a source, and nothing else.
@Suite struct RunRetentionTests {
  private let bench: RunBench

  init() throws {
    bench = try RunBench()
    mkdir(bench.source("tree"), 0o755)
    try FileBytes.write(Array("content".utf8), to: bench.source("tree/file"))
  }

  private func rules(_ rules: [(RetentionRules.CountRule, Int64)]) -> RetentionRules {
    rules.reduce(into: RetentionRules()) { $0[$1.0] = .limited($1.1) }
  }

  private func tree(_ retention: RetentionRules) -> Source {
    var source = Source(name: "tree", origin: .path(bench.source("tree")))
    source.retention = retention
    return source
  }

  /// The profile and source of each live snapshot, in the order of their making.
  private func live() throws -> [String] {
    try bench.state().snapshotsInOrder.map { snapshot in
      let meta = try bench.unlocked.snapshotRecord(snapshot.id).meta
      return "\(meta["profile"] ?? "")/\(meta["source"] ?? "")"
    }
  }

  private func backUp(
    host: String = "test-host", meta: [String: String] = [:], time: Timestamp? = nil
  ) throws -> Digest? {
    var options = BackupOptions(source: .paths([Array(bench.source("tree").utf8)]))
    options.host = Array(host.utf8)
    options.meta = meta
    options.time = time
    return try Backup.run(IndexedRepository(bench.unlocked), options: options).snapshot
  }

  /// Such configurations are refused where one file has both; another file may have the other.
  @Test func twoProfilesOfOnePath() throws {
    bench.profile.name = "yearly"
    bench.profile.sources = [tree(rules([(.yearly, 10), (.daily, 30)]))]
    #expect(try bench.run().result == .success)
    bench.profile.name = "hourly"
    bench.profile.sources = [tree(rules([(.last, 1)]))]
    for _ in 0..<3 { #expect(try bench.run().result == .success) }
    #expect(try live() == ["yearly/tree", "hourly/tree"])
  }

  @Test func twoCommandsOfOneFileName() throws {
    bench.profile.sources = ["a", "b"].map { name in
      let command = CommandSpecification(.shell("echo \(name)"))
      var source = Source(name: name, origin: .command(command, fileName: "dump"))
      source.retention = rules([(.last, 1)])
      return source
    }
    for _ in 0..<3 {
      let run = try bench.run()
      #expect(run.result == .success, "\(run)")
      #expect(try live() == ["nightly/a", "nightly/b"])
      #expect(try bench.state().snapshotsInOrder.map(\.id) == run.sources.compactMap(\.snapshot))
    }
  }

  @Test func whatWasSavedByHandOrByAnotherHostStays() throws {
    let meta = ["profile": "nightly", "source": "tree"]
    let others = [
      try backUp(), try backUp(host: "other", meta: meta),
      try backUp(meta: ["profile": "nightly", "source": "other"]),
    ]
    _ = try backUp(meta: meta)
    bench.profile.sources = [tree(rules([(.last, 1)]))]
    let run = try bench.run()
    #expect(run.result == .success, "\(run)")
    #expect(
      try bench.state().snapshotsInOrder.map(\.id)
        == (others + [run["tree"]?.snapshot])
        .compactMap { $0 })
  }

  /// One by a clock that is ahead, not so far that nobody believes it, takes the place of none that is made now.
  @Test func whatTheRunHasMadeStays() throws {
    let future = Timestamp(seconds: WallClock.now().seconds + 200)
    let ahead = try backUp(meta: ["profile": "nightly", "source": "tree"], time: future)
    bench.profile.sources = [tree(rules([(.last, 1)]))]
    for _ in 0..<2 {
      let run = try bench.run()
      #expect(run.result == .success, "\(run)")
      #expect(try bench.state().snapshotsInOrder.map(\.id) == [ahead, run["tree"]?.snapshot])
    }
  }
}
