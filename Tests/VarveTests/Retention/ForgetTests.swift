import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository with backups of /data, one a day.
struct ForgetBench {
  let bench: BackupBench
  private(set) var snapshots: [Digest] = []

  init(days: Int) throws {
    bench = try BackupBench()
    try bench.write("file", [1, 2, 3])
    for day in 0..<days { try add(day: day) }
  }

  var repository: UnlockedRepository { bench.unlocked }

  static func time(day: Int) -> Timestamp {
    Timestamp(seconds: 1_700_000_000 + Int64(day) * 86_400)
  }

  @discardableResult
  mutating func add(day: Int, tags: [String] = [], host: String = "host") throws -> Digest {
    let snapshot = try #require(
      try bench.backUp {
        $0.time = Self.time(day: day)
        $0.tags = tags
        $0.host = Array(host.utf8)
      }.snapshot)
    snapshots.append(snapshot)
    return snapshot
  }

  /// The same repository, opened by somebody else.
  func opened(by role: Role? = nil) throws -> UnlockedRepository {
    let client = ClientDirectories(
      cache: nil, state: bench.scratch("other-\(snapshots.count)-\(role?.rawValue ?? "owner")"))
    let repository = try Repository.open(storage: bench.storage)
    guard let role else {
      return try repository.unlock(
        .password(SecretBytes(copying: Array("password".utf8))), client: client)
    }
    let key = try self.repository.addKeyFile(role: role)
    return try repository.unlock(.keyText(key.text.copy()), client: client)
  }

  func source() -> SnapshotSource {
    SnapshotSource(host: Array("host".utf8), paths: [Array("/data".utf8)])
  }

  func setPolicy(_ change: (inout RetentionPolicy) -> Void) throws {
    var policy = RetentionPolicy()
    change(&policy)
    _ = try PolicyChange(repository).set(policy, for: nil)
  }

  func rules(last: Int64) -> ForgetRequest.Choice {
    var rules = RetentionRules()
    rules[.last] = .limited(last)
    return .rules(rules, .source)
  }

  /// Reasons of the entries that forget, in order.
  func reasons() throws -> [String] {
    var reasons: [String] = []
    try repository.log.forEachEntry(in: 0..<repository.log.head.size) { entry in
      if case .forget(let forgetting) = entry.statement.body { reasons.append(forgetting.reason) }
    }
    return reasons
  }
}

@Suite struct ForgetTests {
  @Test func rulesForgetWhatTheyDoNotKeep() throws {
    let bench = try ForgetBench(days: 5)
    let request = ForgetRequest(bench.rules(last: 2))
    let plan = try Forget(bench.repository).plan(request)
    #expect(bench.repository.liveSnapshots.count == 5, "a plan changes nothing")
    #expect(plan.groups.count == 1)
    #expect(plan.groups[0].kept.map(\.id) == [bench.snapshots[4], bench.snapshots[3]])
    #expect(
      plan.groups[0].kept.map { $0.reasons.map(\.text) } == [["last snapshot"], ["last snapshot"]])
    #expect(plan.removed.map(\.id) == bench.snapshots[..<3].reversed())
    #expect(try Forget(bench.repository).run(request).removed.map(\.id) == plan.removed.map(\.id))
    #expect(bench.repository.liveSnapshots == Array(bench.snapshots[3...]))
    #expect(try bench.reasons() == ["keep 2 latest snapshots"])
    let size = bench.repository.log.head.size
    #expect(try Forget(bench.repository).run(request).removed.isEmpty)
    #expect(bench.repository.log.head.size == size, "nothing to forget appends nothing")
  }

  @Test func filtersNarrowAndGroupsPart() throws {
    var bench = try ForgetBench(days: 3)
    let tagged = try bench.add(day: 3, tags: ["x"], host: "other")
    try bench.add(day: 4, tags: ["x"], host: "other")
    let request = ForgetRequest(
      bench.rules(last: 1), filter: SnapshotFilter(hosts: [Array("other".utf8)]))
    #expect(try Forget(bench.repository).run(request).removed.map(\.id) == [tagged])
    let plan = try Forget(bench.repository).plan(ForgetRequest(bench.rules(last: 1)))
    #expect(plan.groups.map(\.removed.count) == [2, 0])
    let untagged = ForgetRequest(.everything, filter: SnapshotFilter(tagLists: [[""]]))
    #expect(try Forget(bench.repository).plan(untagged).removed.count == 3)
  }

  @Test func rulesThatKeepNothingAreRefused() throws {
    let bench = try ForgetBench(days: 2)
    let rules = RetentionRules(tagLists: [["none has it"]])
    #expect(throws: VarveError(.refused, "")) {
      try Forget(bench.repository).run(ForgetRequest(.rules(rules, .source)))
    }
    #expect(bench.repository.liveSnapshots.count == 2)
    let all = ForgetRequest(.everything, filter: SnapshotFilter(hosts: [Array("host".utf8)]))
    #expect(try Forget(bench.repository).run(all).removed.count == 2)
    #expect(bench.repository.liveSnapshots.isEmpty)
  }

  @Test func whatIsHeldStays() throws {
    let bench = try ForgetBench(days: 4)
    let held = bench.snapshots[0]
    let hold = HoldChange(bench.repository)
    #expect(try hold.add(to: [held], term: .released, reason: "test") == [held])
    #expect(throws: VarveError(.refused, "")) {
      try Forget(bench.repository).run(ForgetRequest(.snapshots([held])))
    }
    let plan = try Forget(bench.repository).run(ForgetRequest(bench.rules(last: 1)))
    #expect(plan.groups[0].kept.map { $0.reasons.map(\.text) } == [["last snapshot"], ["hold"]])
    #expect(bench.repository.liveSnapshots == [held, bench.snapshots[3]])
    let all = ForgetRequest(.everything, filter: SnapshotFilter(hosts: [Array("host".utf8)]))
    #expect(try Forget(bench.repository).plan(all).removed.map(\.id) == [bench.snapshots[3]])
    try hold.remove(from: [held], reason: "done")
    #expect(try Forget(bench.repository).run(ForgetRequest(.snapshots([held]))).removed.count == 1)
  }

  @Test func thePolicyInForceIsObeyed() throws {
    let bench = try ForgetBench(days: 6)
    try bench.setPolicy { $0[.daily] = .limited(4) }
    #expect(throws: VarveError(.refused, "")) {
      try Forget(bench.repository).run(ForgetRequest(bench.rules(last: 2)))
    }
    #expect(throws: VarveError(.refused, "")) {
      try Forget(bench.repository).run(ForgetRequest(.snapshots([bench.snapshots[4]])))
    }
    #expect(bench.repository.liveSnapshots.count == 6)
    let plan = try Forget(bench.repository).run(ForgetRequest(.policies))
    #expect(plan.removed.map(\.id) == [bench.snapshots[1], bench.snapshots[0]])
    let chosen = ForgetRequest(
      .snapshots([bench.snapshots[2], bench.snapshots[3]]), overridesPolicy: true)
    #expect(try Forget(bench.repository).run(chosen).overriding.count == 2)
    #expect(bench.repository.liveSnapshots == Array(bench.snapshots[4...]))
    #expect(
      try bench.reasons() == [
        "policy in force", "chosen by id; overrides the policy in force",
      ])
  }

  @Test func aPolicySeesItsWholeSourceWhateverTheFilter() throws {
    var bench = try ForgetBench(days: 0)
    for day in 0..<6 { try bench.add(day: day, tags: day == 1 || day == 5 ? ["x"] : []) }
    try bench.setPolicy { $0[.last] = .limited(2) }
    let request = ForgetRequest(.policies, filter: SnapshotFilter(tagLists: [["x"]]))
    let plan = try Forget(bench.repository).run(request)
    #expect(plan.removed.map(\.id) == [bench.snapshots[1]])
    #expect(bench.repository.liveSnapshots.count == 5)
  }

  @Test func sourcesWithoutAPolicyKeepAll() throws {
    var bench = try ForgetBench(days: 3)
    for day in 0..<3 { try bench.add(day: day, host: "other") }
    var policy = RetentionPolicy()
    policy[.last] = .limited(1)
    let change = try PolicyChange(bench.repository)
    #expect(try change.set(policy, for: bench.source()) != nil)
    #expect(try change.set(policy, for: bench.source()) == nil, "in force already")
    let plan = try Forget(bench.repository).run(ForgetRequest(.policies))
    #expect(plan.removed.map(\.id) == [bench.snapshots[1], bench.snapshots[0]])
    #expect(plan.groups[1].kept.allSatisfy { $0.reasons == [.noPolicy] })
    #expect(plan.groups[1].rules == nil)
  }

  @Test func tagsOfAPolicyAreFoundAgain() throws {
    var bench = try ForgetBench(days: 2)
    let release = try bench.add(day: 2, tags: ["release"])
    try bench.add(day: 3)
    let rules = RetentionRules(tagLists: [["release"], ["unheard of"]])
    let change = try PolicyChange(bench.repository)
    _ = try change.set(try change.policy(rules), for: nil)
    let plan = try Forget(bench.repository).run(ForgetRequest(.policies))
    #expect(plan.groups[0].kept.map(\.id) == [release])
    #expect(plan.groups[0].kept[0].reasons.map(\.text) == ["has tags [release]"])
    let names = try PolicyNames(bench.repository)
    let policy = try #require(bench.repository.log.state.defaultPolicy?.keep)
    let words = names.rules(policy).tagLists.map { $0[0] }.sorted()
    #expect(words.count == 2 && words[0].hasPrefix("#") && words[1] == "release")
  }

  /// A policy or rule is never satisfied by a backup that did not come to its end.
  @Test func partialSnapshotsDoNotCount() throws {
    let bench = try ForgetBench(days: 3)
    let repository = bench.repository
    func addPartial(day: Int) throws -> Digest {
      try bench.addRecord { $0.time = ForgetBench.time(day: day) }
    }
    let (old, new) = (try addPartial(day: 1), try addPartial(day: 9))
    try bench.setPolicy { $0[.last] = .limited(1) }
    let plan = try Forget(repository).plan(ForgetRequest(.policies))
    #expect(plan.groups[0].kept.map(\.id) == [new, bench.snapshots[2]])
    #expect(plan.groups[0].kept[0].reasons.map(\.text) == ["unfinished backup"])
    #expect(plan.removed.map(\.id).contains(old))
    #expect(try Forget(repository).run(ForgetRequest(bench.rules(last: 1))).removed.count == 3)
    #expect(repository.liveSnapshots == [bench.snapshots[2], new])
  }

  @Test func aSnapshotWhoseRecordIsLostIsForgottenById() throws {
    let bench = try ForgetBench(days: 3)
    let lost = bench.snapshots[1]
    try bench.bench.storage.remove(ObjectName.snapshot(lost))
    let repository = try bench.opened()
    try bench.setPolicy { $0[.last] = .limited(1) }
    var request = ForgetRequest(.snapshots([lost]))
    #expect(throws: VarveError(.refused, "")) { try Forget(repository).run(request) }
    request.overridesPolicy = true
    #expect(try Forget(repository).run(request).removed.map(\.id) == [lost])
    #expect(repository.liveSnapshots == [bench.snapshots[0], bench.snapshots[2]])
    #expect(try Forget(repository).run(ForgetRequest(.policies)).removed.count == 1)
  }

  /// Rules and policies go on without it: it counts for none of them, and stays.
  @Test(arguments: [false, true]) func whatCannotBeReadStays(byPolicy: Bool) throws {
    let bench = try ForgetBench(days: 4)
    let lost = bench.snapshots[3]
    try bench.bench.storage.remove(ObjectName.snapshot(lost))
    try bench.setPolicy { $0[.last] = .limited(1) }
    let repository = try bench.opened()
    let plan = try Forget(repository).run(
      ForgetRequest(byPolicy ? .policies : bench.rules(last: 1)))
    #expect(plan.removed.map(\.id) == [bench.snapshots[1], bench.snapshots[0]])
    #expect(plan.unreadable.map(\.id) == [lost])
    #expect(plan.unreadable.map(\.reasons) == [[.unreadable]])
    #expect(repository.liveSnapshots == [bench.snapshots[2], lost])
    let all = try Forget(repository).plan(ForgetRequest(.everything))
    #expect(all.removed.map(\.id) == [bench.snapshots[2]])
    let names = try PolicyNames(repository)
    #expect(Array(names.sources.values) == [bench.source()])
  }

  @Test func twiceNamedIsForgottenOnce() throws {
    let bench = try ForgetBench(days: 2)
    let one = bench.snapshots[0]
    let plan = try Forget(bench.repository).run(ForgetRequest(.snapshots([one, one])))
    #expect(plan.removed.map(\.id) == [one])
    let other = bench.snapshots[1]
    let holds = HoldChange(bench.repository)
    #expect(try holds.add(to: [other, other], term: .released, reason: "") == [other])
    try holds.remove(from: [other, other], reason: "")
    #expect(bench.repository.log.state.hold(on: other, at: WallClock.now()) == nil)
  }
}
