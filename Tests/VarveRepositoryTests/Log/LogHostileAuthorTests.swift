import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

/// Entries that no program of ours would append, signed well by authors who may not say that: whoever reads the
/// log refuses them.
@Suite struct LogHostileAuthorTests {
  private static let id = Digest(1, 0, 0, 0)
  private static let end = Timestamp(seconds: 4_000_000_000)

  private let bench: LogBench
  private let owner: UnlockedRepository
  private let seed: [UInt8]

  /// A log with a snapshot of the owner's, a policy and a condemn entry, and an author of `role` whose key this
  /// test knows.
  private init(
    _ role: Role, hold: LogStatement.Hold.Term? = nil, hasPolicy: Bool = true
  ) throws {
    bench = try LogBench()
    owner = try bench.unlock()
    seed = SecureRandom.bytes(32)
    let publicKey = try Ed25519SigningKey(seed: SecretBytes(copying: seed)).publicKey
    let pack = ObjectReference(name: ObjectName.pack(Digest(2, 1, 0, 0)), size: 2)
    try owner.log.append { _ in
      [
        .credential(
          .init(additions: [
            .init(
              authorKey: publicKey, credential: SHA256.digest(publicKey),
              keyID: KeyID(publicKey: publicKey), role: role)
          ])), LogBench.snapshot(1), LogBench.snapshot(2),
        .forget(.init(snapshots: [Digest(2, 0, 0, 0)], reason: "")),
        .condemn(.init(objects: .listed([pack]))),
      ] + (hasPolicy ? [Self.policy(5)] : [])
    }
    guard let hold else { return }
    try owner.log.append { _ in
      [.hold(.init(snapshots: [Self.id], term: hold, reason: ""))]
    }
  }

  init() throws { try self.init(.writer) }

  private static func policy(_ daily: Int64) -> LogStatement.Body {
    var keep = RetentionPolicy()
    keep[.daily] = .limited(daily)
    return .policy(.init(source: nil, keep: keep))
  }

  /// What reading the log says when it ends with `body`.
  private func code(
    _ body: LogStatement.Body, at time: Timestamp = Timestamp(seconds: 0)
  ) throws -> VarveError.Code? {
    let key = try Ed25519SigningKey(seed: SecretBytes(copying: seed))
    let head = owner.log.head
    let statement = LogStatement(
      author: KeyID(publicKey: key.publicKey),
      position: .init(index: head.size, size: head.size, root: head.root), previous: nil,
      program: "test", repository: owner.config.id, time: time, body: body)
    let entry = try DSSEEnvelope(
      signing: statement.bytes(config: owner.repository.configDigest), with: key
    ).bytes
    let storage = try LogBench.storage(bench.objects())
    try storage.put(ObjectName.commit(head.size), try EntryBundle.encode([entry]))
    do {
      _ = try bench.audit("fresh \(body.kind) \(time.seconds) \(entry.hashValue)", storage)
      return nil
    } catch let error as VarveError {
      return error.code
    }
  }

  @Test func aWriterBeyondItsRights() throws {
    let condemned = owner.log.head.size - 2
    let objects = ObjectList.listed([
      ObjectReference(name: ObjectName.pack(Digest(1, 1, 0, 0)), size: 1)
    ])
    for body: LogStatement.Body in [
      .forget(.init(snapshots: [Self.id], reason: "")), Self.policy(4),
      .policy(.init(source: nil, keep: nil)), .condemn(.init(objects: objects)),
      .lost(.init(objects: objects)), .repack(.init(additions: objects, reason: .prune)),
      .sweep(.init(condemned: [condemned])), .undo(.init(snapshots: [], condemned: [condemned])),
      .undo(.init(snapshots: [Digest(2, 0, 0, 0)])),
      .release(.init(snapshots: [Self.id], reason: "")),
    ] {
      #expect(try code(body) == .unauthorized, "\(body)")
    }
    for body in [
      Self.policy(5), Self.policy(6), LogBench.snapshot(9),
      .hold(.init(snapshots: [Self.id], term: .released, reason: "")),
    ] {
      #expect(try code(body) == nil, "\(body)")
    }
  }

  /// Without a policy everything is kept: a first one would let an owner's next `forget` take what nobody chose to lose.
  @Test func aWritersFirstPolicy() throws {
    let bare = try LogHostileAuthorTests(.writer, hasPolicy: false)
    #expect(try bare.code(Self.policy(1)) == .unauthorized)
    #expect(try bare.code(Self.policy(1_000)) == .unauthorized)
    #expect(try LogHostileAuthorTests(.owner, hasPolicy: false).code(Self.policy(1)) == nil)
  }

  /// A hold's end is compared with the time that the forget entry claims.
  @Test func holdsAreJudgedByClaimedTimes() throws {
    let forget = LogStatement.Body.forget(.init(snapshots: [Self.id], reason: ""))
    let held = try LogHostileAuthorTests(.owner, hold: .until(Self.end))
    #expect(try held.code(forget, at: Timestamp(seconds: 3_999_999_999)) == .unauthorized)
    #expect(try held.code(forget, at: Self.end) == nil)
    for term in [LogStatement.Hold.Term.released, .permanent] {
      let held = try LogHostileAuthorTests(.owner, hold: term)
      #expect(try held.code(forget, at: Timestamp(seconds: 5_000_000_000)) == .unauthorized)
      #expect(
        try held.code(.release(.init(snapshots: [Self.id], reason: "")))
          == (term == .permanent ? .unauthorized : nil))
    }
  }
}
