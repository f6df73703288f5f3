import Glibc
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

/// A repository whose history a test makes up, entry by entry: with authors whose keys it has, at times that it
/// chooses, and against the rules where it wants to.
final class HistoryBench {
  /// Somebody who signs entries.
  struct Author {
    let role: Role
    fileprivate let seed: [UInt8]

    fileprivate func key() throws -> Ed25519SigningKey {
      try Ed25519SigningKey(seed: SecretBytes(copying: seed))
    }
    var publicKey: [UInt8] { get throws { try key().publicKey } }
    var keyID: KeyID { get throws { KeyID(publicKey: try publicKey) } }
    /// Its credential; no object of that name is there.
    var credential: Digest { SHA256.digest(seed) }
  }

  static let hour: Int64 = 3600
  static let day: Int64 = 86_400

  let path: String
  let config: RepositoryConfig
  let configDigest: Digest
  /// An owner from the start: the recovery author.
  let owner: Author
  let start: Timestamp
  private let logSeed: [UInt8]
  private let storage: LocalStorage
  /// The log as far as it is right.
  private(set) var fold: LogFold

  /// A new repository, made so many days ago.
  init(at path: String, state: String, daysAgo: Int64 = 100) throws {
    self.path = path
    mkdir(path, 0o700)
    storage = LocalStorage(path: path)
    let now = WallClock.now()
    start = Timestamp(seconds: now.seconds - daysAgo * Self.day)
    var options = InitOptions()
    options.passwordCost = .least
    let store = storage
    let unlocked = try ClockShift.$current.withValue(ClockShift(date: -daysAgo * Self.day)) {
      try Repository.initialize(
        storage: store, secret: .password(SecretBytes(copying: Array("secret".utf8))),
        options: options, client: ClientDirectories(cache: nil, state: state))
    }
    config = unlocked.config
    configDigest = unlocked.repository.configDigest
    let master = try KeyText(parsing: try unlocked.exportRecoveryKey())
    func derive(_ label: String) -> [UInt8] {
      HKDF.derive(
        ikm: master.secret, salt: unlocked.config.id.bytes, info: Array("varve v1 \(label)".utf8),
        count: 32
      ).withUnsafeBytes { Array($0) }
    }
    owner = Author(role: .owner, seed: derive("recovery author"))
    logSeed = derive("log key")
    fold = LogFold(config: config, configDigest: configDigest)
    try fold.append(commit: try storage.read(ObjectName.commit(0)))
  }

  var head: TreeHead { fold.head }

  /// A moment so many hours after the repository was made.
  func hours(_ count: Int64) -> Timestamp { Timestamp(seconds: start.seconds + count * Self.hour) }

  // MARK: Entries

  /// A new author, whom the owner adds.
  func add(_ role: Role, number: UInt8 = 1, at time: Timestamp) throws -> Author {
    let author = Author(role: role, seed: [UInt8](repeating: number, count: 32))
    try commit(
      by: owner, at: time,
      .credential(
        .init(additions: [
          .init(
            authorKey: try author.publicKey, credential: author.credential,
            keyID: try author.keyID, role: role)
        ])))
    return author
  }

  func statement(
    by author: Author, at time: Timestamp, _ body: LogStatement.Body, offset: UInt64 = 0,
    previous: UInt64? = nil
  ) throws -> LogStatement {
    let keyID = try author.keyID
    return LogStatement(
      author: keyID,
      position: .init(index: head.size + offset, size: head.size, root: head.root),
      previous: previous ?? fold.state.authors[keyID]?.newestEntry, program: "test",
      repository: config.id, time: time, body: body)
  }

  /// The entry that makes a statement, or any other payload.
  func entry(_ payload: [UInt8], by author: Author) throws -> [UInt8] {
    try DSSEEnvelope(signing: payload, with: try author.key()).bytes
  }

  /// Appends a commit that is right.
  ///
  /// - Returns: the index of its first entry.
  @discardableResult
  func commit(by author: Author, at time: Timestamp, _ bodies: LogStatement.Body...) throws
    -> UInt64
  {
    try commit(by: author, at: time, bodies)
  }

  @discardableResult
  func commit(by author: Author, at time: Timestamp, _ bodies: [LogStatement.Body]) throws -> UInt64
  {
    let start = head.size
    let bytes = try encoded(by: author, at: time, bodies)
    // In place: a log of 10^5 entries is not copied for each.
    try fold.append(commit: bytes)
    try storage.put(ObjectName.commit(start), bytes)
    return start
  }

  /// The same without verifying it, and without making it durable.
  func commitQuickly(by author: Author, at time: Timestamp, _ body: LogStatement.Body) throws {
    let bytes = try encoded(by: author, at: time, [body])
    let file = open("\(path)/\(ObjectName.commit(head.size))", O_WRONLY | O_CREAT | O_EXCL, 0o600)
    try fold.append(commit: bytes, isVerified: true)
    guard file >= 0, write(file, bytes, bytes.count) == bytes.count, close(file) == 0 else {
      throw SpawnFailure(description: "cannot write a commit: \(errno)")
    }
  }

  /// Stores a commit that need not be right, and gives its place.
  @discardableResult
  func force(by author: Author, at time: Timestamp, _ bodies: LogStatement.Body...) throws -> UInt64
  {
    try force(try encoded(by: author, at: time, bodies))
  }

  @discardableResult
  func force(_ bytes: [UInt8]) throws -> UInt64 {
    try storage.put(ObjectName.commit(head.size), bytes)
    return head.size
  }

  private func encoded(
    by author: Author, at time: Timestamp, _ bodies: [LogStatement.Body]
  ) throws -> [UInt8] {
    let start = head.size
    let config = configDigest
    return try EntryBundle.encode(
      try bodies.enumerated().map { offset, body in
        try entry(
          try statement(
            by: author, at: time, body, offset: UInt64(offset),
            previous: offset == 0 ? nil : start + UInt64(offset) - 1
          ).bytes(config: config), by: author)
      })
  }

  /// Signs a head: the present one unless another is given.
  func checkpoint(_ head: TreeHead? = nil) throws -> [UInt8] {
    let signer = try NoteSigner(
      name: config.origin, key: try Ed25519SigningKey(seed: SecretBytes(copying: logSeed)))
    return try Checkpoint(origin: config.origin, head: head ?? self.head).signed(by: signer).bytes
  }

  /// Signs a text with the log's key.
  func note(_ text: String) throws -> [UInt8] {
    let signer = try NoteSigner(
      name: config.origin, key: try Ed25519SigningKey(seed: SecretBytes(copying: logSeed)))
    return try SignedNote(signing: text, with: signer).bytes
  }

  /// Stores the checkpoint of the present head.
  func sign() throws { try storage.put(ObjectName.checkpoint, try checkpoint()) }

  func read(_ name: String) throws -> [UInt8] { try storage.read(name) }
  func put(_ name: String, _ bytes: [UInt8]) throws { try storage.put(name, bytes) }
  func remove(_ name: String) throws { try storage.remove(name) }

  // MARK: Bodies

  static func id(_ number: UInt64) -> Digest { Digest(number, 7, 7, 7) }
  static func source(_ number: UInt64 = 1) -> Digest {
    Digest(number &* 0x9e37_79b9_7f4a_7c15, 5, 5, 5)
  }

  static func snapshot(
    _ number: UInt64, taken: Timestamp, source: UInt64 = 1, tree: UInt64? = nil,
    tags: [UInt64] = [], partial: Bool = false, packs: [UInt64] = []
  ) -> LogStatement.Body {
    .snapshot(
      LogStatement.SnapshotAddition(
        snapshot: id(number), additions: .listed(packs.map(pack)),
        source: Self.source(source), tags: tags.map { Digest($0, 3, 3, 3) }, isPartial: partial,
        tree: Digest(tree ?? number, 9, 9, 9), taken: taken))
  }

  static func pack(_ number: UInt64) -> ObjectReference {
    ObjectReference(name: ObjectName.pack(Digest(number, 1, 1, 1)), size: 1000 + number)
  }

  static func record(_ number: UInt64) -> ObjectReference {
    ObjectReference(name: ObjectName.snapshot(id(number)), size: 500)
  }

  static func forget(_ numbers: UInt64..., reason: String = "test") -> LogStatement.Body {
    .forget(.init(snapshots: numbers.map(id), reason: reason))
  }

  static func policy(
    _ rules: [RetentionPolicy.CountRule: Int64] = [:],
    within: [RetentionPolicy.DurationRule: RetentionDuration] = [:], tags: [UInt64] = [],
    source: UInt64? = nil
  ) -> LogStatement.Body {
    var keep = RetentionPolicy()
    for (rule, count) in rules { keep[rule] = .limited(count) }
    for (rule, duration) in within { keep[rule] = duration }
    keep.tags = tags.map { Digest($0, 3, 3, 3) }
    return .policy(.init(source: source.map(Self.source), keep: keep))
  }

  static func check(_ scope: String = "structure", damaged: Bool = false, at time: Timestamp)
    -> LogStatement.Body
  {
    .check(
      .init(
        isDamaged: damaged, scope: scope, counts: [:], damaged: damaged ? ["config"] : [],
        started: time))
  }
}
