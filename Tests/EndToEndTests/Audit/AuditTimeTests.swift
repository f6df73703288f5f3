import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveTestThreads

/// Audits of histories whose times witnesses and time-stamping authorities attest.
@Suite(.onOwnThreads) struct AuditTimeTests {
  private let scene: AuditAttackTests.Scene
  private var bench: HistoryBench { scene.bench }

  init() throws { scene = try AuditAttackTests.Scene() }

  private static func witness(_ number: UInt8) throws -> WitnessSigner {
    try WitnessSigner(
      name: "witness\(number).example",
      seed: SecretBytes(copying: [UInt8](repeating: number, count: 32)))
  }

  /// What is demanded: cosignatures of a quorum of two witnesses, no more than a limit apart.
  private func policy(_ lines: String...) throws -> String {
    let keys = try (UInt8(1)...2).map { "witness w\($0) \(try Self.witness($0).key.text)\n" }
    let path = scene.here.root + "/audit-policy"
    try scene.here.write(
      keys.joined() + "group both all w1 w2\nquorum both\n"
        + lines.map { $0 + "\n" }.joined(), to: path)
    return path
  }

  /// An entry with cosignatures of the present head, made at a moment; its author may claim another one.
  @discardableResult
  private func cosign(
    at time: Timestamp, claiming claim: Timestamp? = nil, by witnesses: [UInt8] = [1, 2]
  ) throws -> UInt64 {
    let note = try SignedNote(try bench.checkpoint(), "test")
    let lines = try witnesses.map { try Self.witness($0).cosign(note.text, at: time.seconds) }
    let text = String(decoding: note.adding(lines).bytes, as: UTF8.self)
    return try bench.commit(
      by: scene.writer, at: claim ?? time, .cosign(.init(checkpoint: text)))
  }

  private func audit(day: Int64, _ policy: String) throws -> Outcome {
    try scene.here.varve(
      "audit", "--json", "--key", bench.config.logKey, "--policy", policy,
      "--to", bench.hours(24 * day).utcSeconds)
  }

  @Test func freshCosignaturesHold() throws {
    let policy = try policy("cosigned 2d")
    for day in Int64(0)..<2 { try cosign(at: bench.hours(2 + 24 * (9 + day))) }
    try bench.sign()
    // The first was made on the tenth day.
    let outcome = try scene.here.varve(
      "audit", "--key", bench.config.logKey, "--policy", policy,
      "--from", bench.hours(24 * 9).utcSeconds, "--to", bench.hours(24 * 11).utcSeconds)
    #expect(outcome.code == 0, "\(outcome.text)\(outcome.errors)")
  }

  @Test func staleCosignature() throws {
    let policy = try policy("cosigned 24h")
    let entry = try cosign(at: bench.hours(2 + 24 * 9))
    try bench.sign()
    try scene.expectBroken(
      "witness", saying: "no cosignatures of a quorum", "longer than",
      arguments: ["--policy", policy])
    #expect(entry > 0)
  }

  @Test func tooFewCosignatures() throws {
    let policy = try policy("cosigned 30d")
    try cosign(at: bench.hours(2 + 24 * 9), by: [1])
    try bench.sign()
    let json = try audit(day: 35, policy)
    #expect(json.code == 22, "\(json.text)")
    #expect(try json.document()["broken"][0]["kind"].string == "witness", "\(json.text)")
    #expect(json.text.contains("are no quorum"))
  }

  /// Its author claims the tenth day, and has seen what two witnesses signed on the twentieth.
  @Test func backDatedSnapshot() throws {
    let policy = try policy()
    let claim = scene.next
    try cosign(at: bench.hours(24 * 20), claiming: claim)
    let entry = try bench.commit(
      by: scene.writer, at: claim, HistoryBench.snapshot(77, taken: claim))
    try bench.sign()
    let json = try audit(day: 35, policy)
    let first = try json.document()["broken"][0]
    #expect(json.code == 22 && first["kind"].string == "time", "\(json.text)")
    #expect(first["entry"].number == Int(entry) && json.text.contains("back-dated"))
    // Who trusts no witness sees nothing amiss.
    #expect(try scene.audit().code == 0)
  }

  /// Its author claims the tenth day; the witnesses had signed a log that has it on the fifth.
  @Test func postDatedSnapshot() throws {
    let policy = try policy()
    try cosign(at: bench.hours(24 * 5), claiming: scene.next)
    try bench.sign()
    try scene.expectBroken("time", saying: "was there at", arguments: ["--policy", policy])
  }

  /// A forged line is no cosignature, whoever's name it bears.
  @Test func forgedCosignature() throws {
    let policy = try policy("cosigned 30d")
    let note = try SignedNote(try bench.checkpoint(), "test")
    let other = try SignedNote(try bench.note("another\n1\nAAAA\n"), "test")
    let lines = try [UInt8(1), 2].map {
      try Self.witness($0).cosign(other.text, at: bench.hours(24 * 9).seconds)
    }
    let text = String(decoding: note.adding(lines).bytes, as: UTF8.self)
    try bench.commit(by: scene.writer, at: scene.next, .cosign(.init(checkpoint: text)))
    try bench.sign()
    let json = try audit(day: 35, policy)
    #expect(json.code == 22, "\(json.text)")
    #expect(try json.document()["broken"][0]["kind"].string == "witness", "\(json.text)")
  }

  @Test func aPolicyOfWitnessesThatIsNone() throws {
    let path = scene.here.root + "/bad-policy"
    for text in ["quorum nobody\n", "gap 1d\nwitness w1 a+b+c\nquorum w1\n", "cosigned soon\n"] {
      try scene.here.write(text, to: path)
      try scene.here.fail(
        64, "audit", "--key", bench.config.logKey, "--policy", path, saying: ["bad-policy"])
    }
  }

  /// Tokens by a real authority, on a repository of its own.
  @Test func timeStampsAreDemanded() throws {
    let here = try Workspace()
    try here.makeSmallTree(files: 2, largest: 10)
    try here.succeed("init")
    try here.useKeyFile()
    try here.backup()
    let authority = try TimestampAuthority(here)
    let policy = here.root + "/audit-policy"
    try here.write("anchored 1h\n", to: policy)
    func audit(_ arguments: String...) throws -> Outcome {
      try here.varve(["audit", "--policy", policy, "--tsa-ca", authority.root] + arguments)
    }
    let later = Timestamp(seconds: WallClock.now().seconds + 7200).utcSeconds
    #expect(try audit().code == 0, "it is not an hour old")
    try here.succeed("anchor", "--tsa-command", authority.command)
    #expect(try audit().code == 0)
    let stale = try audit("--to", later)
    #expect(stale.code == 22, "\(stale.text)")
    #expect(stale.errors.contains("no trusted time stamp"), "\(stale.errors)")
    // A backup with a clock that is two days slow, behind that token.
    try here.write("more", to: here.source + "/more")
    #expect(try here.varve(at: "-2d", "backup", here.source).code == 0)
    let dated = try audit()
    #expect(dated.code == 22, "\(dated.text)")
    #expect(dated.errors.contains("back-dated"), "\(dated.errors)")
  }
}
