import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

@Suite struct ProfileRunTests {
  private let bench: RunBench

  init() throws { bench = try RunBench() }

  private func addPath(_ name: String, _ content: String = "content") throws {
    mkdir(bench.source(name), 0o750)
    try FileBytes.write(Array(content.utf8), to: bench.source("\(name)/file"))
    bench.profile.sources.append(Source(name: name, origin: .path(bench.source(name))))
  }

  private func addCommand(_ name: String, _ script: String, timeout: Double = 30) {
    var command = CommandSpecification(.shell(script))
    command.timeout = timeout
    bench.profile.sources.append(
      Source(name: name, origin: .command(command, fileName: "dumps/\(name).sql")))
  }

  @Test func aSetOfAllKindsOfSources() throws {
    try addPath("tree")
    let database = bench.source("app.db")
    let writer = try SQLiteWriter(database, journal: "wal")
    for _ in 0..<40 { try writer.commit() }
    chmod(database, 0o640)
    chmod(bench.directory("source"), 0o711)
    bench.profile.sources.append(Source(name: "app", origin: .sqlite(database)))
    addCommand("dump", "echo $VARVE_PROFILE; seq 1 5")
    bench.profile.sources[0].tags = ["config", "all"]
    bench.profile.tags = ["all"]
    bench.profile.meta = [
      "commit": .command(CommandSpecification(.shell("printf ' abc\\n\\n'"))),
      "tier": .text("gold"), "hash": .digest(path: bench.source("tree/file")),
    ]
    let run = try bench.run()
    #expect(run.result == .success, "\(run)")
    #expect(run.message == nil)
    #expect(run.sources.map(\.source) == ["tree", "app", "dump"])
    for (name, path) in [
      ("tree", bench.source("tree")), ("app", database), ("dump", "/dumps/dump.sql"),
    ] {
      let record = try bench.record(of: run[name])
      #expect(record.paths == [Array(path.utf8)])
      #expect(record.host == Array("test-host".utf8))
      #expect(
        record.meta == [
          "profile": "nightly", "source": name, "set": run.id, "commit": "abc", "tier": "gold",
          "hash": SHA256.digest(Array("content".utf8)).hex,
        ])
    }
    #expect(run.id.utf8.count == 32)
    #expect(try bench.record(of: run["tree"]).tags == ["all", "config"])
    #expect(try bench.record(of: run["app"]).tags == ["all"])

    let restored = try bench.restore(run["app"]) + database
    #expect(access(restored + "-wal", F_OK) != 0 && access(restored + "-shm", F_OK) != 0)
    let copy = try SQLiteDatabase(path: restored, mode: .readOnly)
    #expect(try copy.integrityCheck() == [])
    #expect(try copy.rowCount(of: "entries") == 40)
    var (original, status) = (stat(), stat())
    #expect(stat(database, &original) == 0 && lstat(restored, &status) == 0)
    #expect(status.st_mode == original.st_mode && status.st_uid == original.st_uid)
    let parent = String(restored.dropLast("/app.db".count))
    #expect(
      stat(parent, &status) == 0 && status.st_mode & 0o7777 == 0o711, "directories on the way")
    let dump = try bench.restore(run["dump"]) + "/dumps/dump.sql"
    #expect(try bench.text(dump) == "nightly\n1\n2\n3\n4\n5\n")

    #expect(try bench.journal.records(activity: .backup, name: "nightly") == [run])
    let receipt = try #require(try bench.state().receipts.last?.receipt)
    #expect(receipt.activity == .run && receipt.result == .ok && receipt.scope == "profile")
    #expect(receipt.snapshots == run.sources.compactMap(\.snapshot).sorted())
    #expect(receipt.counts["sources"] == 3 && receipt.counts["files"] == 3)
    #expect(access(bench.directory("cache/staging/run-nightly"), F_OK) != 0, "copies are removed")
  }

  @Test func hooksInOrder() throws {
    try addPath("tree")
    bench.profile.hooks.before = [bench.noting("one"), bench.noting("two")]
    bench.profile.hooks.after = [
      bench.noting("three", then: "echo busy >&2; exit 5"), bench.noting("four"),
    ]
    bench.profile.hooks.onSuccess = [bench.noting("five")]
    bench.profile.hooks.onFailure = [bench.noting("six")]
    let run = try bench.run()
    #expect(
      bench.noted == [
        "one before nightly", "two before nightly", "three after nightly success",
        "four after nightly success", "six failure nightly failure",
      ])
    // A service that may not have come up again is a failure, though the snapshot is there.
    #expect(run.result == .failure)
    #expect(run["tree"]?.snapshot != nil)
    #expect(run.message == "hook 'after' 1: it failed with status 5: busy")
    bench.profile.hooks.after = [bench.noting("seven")]
    #expect(try bench.run().result == .success)
    #expect(bench.noted.last == "five success nightly success")
  }

  @Test func aFailedBeforeStopsTheRun() throws {
    try addPath("tree")
    bench.profile.hooks.before = [
      bench.noting("one"), bench.noting("two", then: "echo no database >&2; exit 9"),
      bench.noting("never"),
    ]
    bench.profile.hooks.after = [bench.noting("after")]
    let run = try bench.run()
    #expect(run.result == .failure)
    #expect(run.message == "hook 'before' 2: it failed with status 9: no database")
    #expect(
      bench.noted == ["one before nightly", "two before nightly", "after after nightly failure"])
    #expect(run.sources.isEmpty)
    let state = try bench.state()
    #expect(state.snapshotsInOrder.isEmpty)
    #expect(state.receipts.last?.receipt.result == .failed)
  }

  @Test func aHookThatTakesTooLongIsEnded() throws {
    try addPath("tree")
    var slow = bench.noting("slow", then: "sleep 300")
    slow.timeout = 0.2
    bench.profile.hooks.before = [slow]
    bench.profile.hooks.after = [slow, bench.noting("after")]
    let run = try bench.run()
    #expect(run.result == .failure)
    #expect(run.message?.contains("too long") == true)
    #expect(bench.noted.last == "after after nightly failure")
  }

  @Test func metadataThatCannotBeHadStopsTheRun() throws {
    try addPath("tree")
    bench.profile.hooks.after = [bench.noting("after")]
    for value in [
      MetadataValue.command(CommandSpecification(.shell("echo broken >&2; exit 1"))),
      .command(CommandSpecification(.shell("printf '\\377'"))),
      .command(CommandSpecification(.shell("seq 1 10000"))), .digest(path: "/no/such/file"),
    ] {
      bench.profile.meta = ["commit": value]
      let run = try bench.run()
      #expect(run.result == .failure)
      #expect(run.message?.contains("'commit'") == true, "\(run.message ?? "")")
    }
    #expect(bench.noted.count == 4, "after hooks ran each time")
    #expect(try bench.state().snapshotsInOrder.isEmpty)
  }

  @Test func oneSourceOfSeveralFails() throws {
    try addPath("first")
    addCommand("dump", "echo partial; echo 'no such table' >&2; exit 2")
    addCommand("slow", "echo partial; sleep 300", timeout: 0.3)
    bench.profile.sources.append(
      Source(name: "gone", origin: .path(bench.source("nowhere"))))
    try addPath("last")
    let run = try bench.run()
    #expect(run.result == .failure)
    #expect(run["first"]?.result == .success && run["last"]?.result == .success)
    for name in ["dump", "slow", "gone"] {
      #expect(run[name]?.result == .failure && run[name]?.snapshot == nil, "\(name)")
    }
    #expect(run["dump"]?.message?.contains("status 2: no such table") == true)
    #expect(run["slow"]?.message?.contains("too long") == true)
    let state = try bench.state()
    #expect(state.snapshotsInOrder.count == 2)
    let receipt = try #require(state.receipts.last?.receipt)
    #expect(receipt.result == .failed && receipt.counts["sourcesFailed"] == 3)
  }

  @Test func aDamagedDatabaseIsNotSaved() throws {
    let path = bench.source("app.db")
    do {
      let writer = try SQLiteWriter(path, journal: "delete")
      for _ in 0..<200 { try writer.commit(bytes: 500) }
    }
    bench.profile.sources = [Source(name: "app", origin: .sqlite(path))]
    let good = try bench.run()
    var bytes = try FileBytes.read(path)
    for index in 20_000..<24_000 { bytes[index] = 0xa5 }
    try FileBytes.write(bytes, to: path)
    let bad = try bench.run()
    #expect(bad.result == .failure)
    #expect(bad["app"]?.message?.contains("integrity check") == true, "\(bad)")
    try FileBytes.write(Array("no database at all, but long enough to look".utf8), to: path)
    #expect(try bench.run()["app"]?.result == .failure)
    unlink(path)
    #expect(try bench.run()["app"]?.result == .failure)
    #expect(access(path, F_OK) != 0, "no empty database is made")
    #expect(try bench.state().snapshotsInOrder.map(\.id) == [good["app"]?.snapshot])
  }

  /// A file that changes while it is read is saved, and said.
  @Test func aFileThatChangesWhileItIsRead() throws {
    mkdir(bench.source("busy"), 0o755)
    let path = bench.source("busy/log")
    try FileBytes.write([UInt8](repeating: 65, count: 80 << 20), to: path)
    bench.profile.sources = [Source(name: "busy", origin: .path(bench.source("busy")))]
    let isDone = CancellationFlag()
    startThread {
      while !isDone.isCancelled {
        let file = open(path, O_WRONLY | O_APPEND)
        _ = write(file, "more", 4)
        close(file)
        usleep(200)
      }
    }
    let run = try bench.run()
    isDone.cancel()
    #expect(run.result == .incomplete)
    #expect(run["busy"]?.message?.contains("it changed while it was read") == true)
    #expect(run["busy"]?.snapshot != nil)
    #expect(try bench.state().receipts.last?.receipt.result == .incomplete)
  }

  @Test func aDirectoryThatChangesWhileItIsRead() throws {
    mkdir(bench.source("busy"), 0o755)
    try FileBytes.write([UInt8](repeating: 65, count: 80 << 20), to: bench.source("busy/large"))
    bench.profile.sources = [Source(name: "busy", origin: .path(bench.source("busy")))]
    #expect(try bench.run().result == .success)
    try FileBytes.write([UInt8](repeating: 66, count: 80 << 20), to: bench.source("busy/large"))
    let (isDone, path) = (CancellationFlag(), bench.source("busy/new"))
    startThread {
      while !isDone.isCancelled {
        close(open(path, O_WRONLY | O_CREAT, 0o600))
        unlink(path)
        usleep(200)
      }
    }
    let run = try bench.run()
    isDone.cancel()
    #expect(run.result == .incomplete)
    // The first of what is wrong is said: it may be that the new file was listed, and gone when it was looked at.
    let message = run["busy"]?.message ?? ""
    #expect(message.contains("entries came or went") || message.contains("busy/new"), "\(run)")
    #expect(run["busy"]?.snapshot != nil)
  }

  @Test func eachSourceHasItsOwnRetention() throws {
    try addPath("state")
    try addPath("proofs")
    var two = RetentionRules()
    two[.last] = .limited(2)
    bench.profile.sources[0].retention = two
    for number in 0..<4 {
      try FileBytes.write(Array("\(number)".utf8), to: bench.source("state/file"))
      try FileBytes.write(Array("\(number)".utf8), to: bench.source("proofs/file"))
      #expect(try bench.run().result == .success)
    }
    let state = try bench.state()
    let names = try state.snapshotsInOrder.map {
      try bench.unlocked.snapshotRecord($0.id).meta["source"]
    }
    #expect(names.filter { $0 == "state" }.count == 2)
    #expect(names.filter { $0 == "proofs" }.count == 4, "nothing is forgotten without a policy")
    #expect(state.policies.count == 1)
    // A source that fails keeps what it has.
    try bench.unlocked.log.refresh()
    unlink(bench.source("state/file"))
    rmdir(bench.source("state"))
    #expect(try bench.run().result == .failure)
    #expect(
      try bench.state().snapshotsInOrder.count {
        try bench.unlocked.snapshotRecord($0.id).meta["source"] == "state"
      }
        == 2)
  }

  @Test func aWriterSetsPoliciesAndForgetsNothing() throws {
    try addPath("state")
    let key = try bench.unlocked.addKeyFile(role: .writer)
    try key.text.withUnsafeBytes { try FileBytes.write(Array($0), to: bench.directory("writer")) }
    let owner = bench.configuration.repositories["main"]?.credential
    bench.configuration.repositories["main"]?.credential = .keyFile(bench.directory("writer"))
    var rules = RetentionRules()
    rules[.last] = .limited(1)
    bench.profile.sources[0].retention = rules
    // Without a policy everything is kept, so that the first one takes an owner.
    let first = try bench.run()
    #expect(first.result == .incomplete)
    #expect(first.message?.contains("first policy") == true)
    #expect(try bench.state().policies.isEmpty)
    bench.configuration.repositories["main"]?.credential = owner
    #expect(try bench.run().result == .success)
    bench.configuration.repositories["main"]?.credential = .keyFile(bench.directory("writer"))
    for _ in 0..<2 { #expect(try bench.run().result == .success) }
    var state = try bench.state()
    #expect(state.snapshotsInOrder.count == 3)
    #expect(state.policies.count == 1)
    // What keeps less needs an owner: the snapshot is saved, and the operator hears of it.
    bench.profile.sources[0].retention?[.last] = .limited(5)
    #expect(try bench.run().result == .success)
    bench.profile.sources[0].retention?[.last] = .limited(2)
    let run = try bench.run()
    #expect(run.result == .incomplete)
    #expect(run.message?.contains("retention of state") == true)
    state = try bench.state()
    #expect(state.snapshotsInOrder.count == 5)
  }

  @Test func aReaderSavesNothing() throws {
    try addPath("state")
    let key = try bench.unlocked.addKeyFile(role: .reader)
    try key.text.withUnsafeBytes { try FileBytes.write(Array($0), to: bench.directory("reader")) }
    bench.configuration.repositories["main"]?.credential = .keyFile(bench.directory("reader"))
    bench.profile.hooks.before = [bench.noting("before")]
    let run = try bench.run()
    #expect(run.result == .failure)
    #expect(run.message?.contains("may not make snapshots") == true)
    #expect(bench.noted.isEmpty, "nobody is disturbed for nothing")
  }

  @Test func oneRepositoryOfTwoIsNotThere() throws {
    try addPath("tree")
    bench.configuration.repositories["away"] = RepositorySettings(
      name: "away", location: bench.directory("nowhere"))
    bench.configuration.repositories["away"]?.credential = .passwordFile(
      bench.directory("password"))
    bench.profile.repositories = ["away", "main"]
    let runs = try ProfileRun(bench.profile, bench.surroundings()).run()
    #expect(runs.map(\.repository) == ["away", "main"])
    #expect(runs.map(\.result) == [.failure, .success])
    #expect(try bench.journal.records(activity: .backup, name: "nightly") == runs)
    #expect(try bench.state().snapshotsInOrder.count == 1)
  }

  @Test func aRunThatWasKilledIsNoticedAndItsCopiesAreRemoved() throws {
    try addPath("tree")
    let started = Timestamp(seconds: 1_700_000_000)
    try bench.journal.append(
      RunRecord(
        id: "killed", activity: .backup, name: "nightly", repository: "main", started: started,
        result: .started))
    let left = bench.directory("cache/staging/run-nightly/srv/locked")
    for path in [
      "cache", "cache/staging", "cache/staging/run-nightly", "cache/staging/run-nightly/srv",
    ] {
      mkdir(bench.directory(path), 0o700)
    }
    mkdir(left, 0o500)
    symlink(bench.source("tree"), left + "/link")
    symlink(bench.source("tree"), bench.directory("cache/staging/run-nightly/link"))
    let run = try bench.run()
    #expect(run.result == .success)
    #expect(run.message?.contains("did not come to an end") == true)
    #expect(access(bench.directory("cache/staging/run-nightly"), F_OK) != 0)
    #expect(try bench.text(bench.source("tree/file")) == "content", "links are not followed")
    #expect(try bench.run().message == nil)
  }

  @Test func twoRunsOfAProfileExcludeEachOther() throws {
    try addPath("tree")
    let bench = bench
    bench.profile.hooks.before = [bench.noting("running", then: "sleep 2")]
    let surroundings = bench.surroundings()
    let profile = bench.profile
    let other = CancellationFlag()
    startThread {
      _ = try? ProfileRun(profile, surroundings).run()
      other.cancel()
    }
    while bench.noted.isEmpty && !other.isCancelled { usleep(10_000) }
    #expect(throws: VarveError(.refused, "")) { try bench.run() }
    do { try bench.run() } catch let error as VarveError {
      #expect(error.message.contains("being run by another process (\(getpid()))"))
    }
    while !other.isCancelled { usleep(10_000) }
    #expect(try bench.run().result == .success)
  }

  @Test func anInterruptedRunTidiesUp() throws {
    try addPath("tree")
    addCommand("slow", "touch \(bench.directory("begun")); sleep 300")
    bench.profile.hooks.after = [bench.noting("after")]
    let (begun, flag) = (bench.directory("begun"), bench.cancellation)
    startThread {
      while access(begun, F_OK) != 0 { usleep(10_000) }
      flag.cancel()
    }
    #expect(throws: VarveError(.interrupted, "")) { try bench.run() }
    #expect(bench.noted == ["after after nightly failure"])
    let record = try #require(
      try bench.journal.records(activity: .backup, name: "nightly").last)
    #expect(record.result == .failure && record.ended != nil)
    #expect(record["tree"]?.snapshot != nil, "what was saved before is there")
  }

  @Test func aDryRunChangesNothing() throws {
    try addPath("tree")
    _ = try SQLiteWriter(bench.source("app.db"), journal: "wal")
    bench.profile.sources.append(Source(name: "app", origin: .sqlite(bench.source("app.db"))))
    bench.profile.hooks.before = [bench.noting("before")]
    bench.profile.hooks.after = [bench.noting("after")]
    bench.profile.hooks.onSuccess = [bench.noting("success")]
    let size = try bench.state().size
    let run = try bench.run(dryRun: true)
    #expect(run.result == .success)
    #expect(run.sources.map(\.files) == [1, 1])
    #expect(run.sources.allSatisfy { $0.snapshot == nil })
    #expect(bench.noted.isEmpty)
    #expect(try bench.state().size == size)
    #expect(try bench.journal.records(activity: .backup, name: "nightly").isEmpty)
  }

  @Test func aChangeThatIsTooLargeIsAnAlarm() throws {
    mkdir(bench.source("tree"), 0o755)
    bench.profile.sources = [Source(name: "tree", origin: .path(bench.source("tree")))]
    bench.profile.changeAlarm?.minimumBytes = 1000
    bench.configuration.notifications["log"] = NotificationTarget(
      name: "log", means: .command(bench.noting("told")), events: [.alarm, .failure])
    bench.profile.notify = ["log"]
    for number in 0..<120 {
      try FileBytes.write(Array("text \(number)".utf8), to: bench.source("tree/\(number)"))
    }
    #expect(try bench.run()["tree"]?.alarm == nil)
    for number in 0..<120 {
      try FileBytes.write(SecureRandom.bytes(200), to: bench.source("tree/\(number)"))
    }
    let run = try bench.run()
    #expect(run["tree"]?.alarm != nil)
    #expect(run["tree"]?.filesChanged == 120)
    #expect(run.result == .success, "an alarm is no failure")
    #expect(bench.noted.count == 1 && bench.noted[0].hasPrefix("told alarm"), "\(bench.noted)")
  }
}
