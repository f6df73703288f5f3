// The chain, link by link, and nothing but what storage has:
//
//     config      signed by the log's key, which is the given one
//     commits     from 0 on until there is none: canonical form, signature, author, place, and what the state allows
//     beyond      no commit after the first that is missing
//     checkpoint  signed by the log's key, over the tree of so many entries
//     pins        checkpoints that somebody has kept: the log continues them
//     tiles       what the entries imply
//
// Nothing of a client's copies is believed. What stands before the first broken link is still judged.

internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository
internal import VarveStorage

/// An entry whose cosignatures or token prove a time.
struct AttestedEntry {
  let proof: TimeWindows.Proof
  let isCosignature: Bool

  /// - Returns: nil for an entry that attests nothing, or only to whom the trust does not go.
  /// - Throws: as `TimeTrust.proof`.
  init?(_ entry: LogEntry, _ trust: TimeTrust) throws {
    switch entry.statement.body {
    case .cosign: isCosignature = true
    case .anchor: isCosignature = false
    default: return nil
    }
    guard let proof = try trust.proof(by: entry) else { return nil }
    self.proof = proof
  }
}

/// What was found along the chain.
struct ChainAudit {
  private(set) var findings: [AuditFinding] = []
  private(set) var fold: LogFold
  private(set) var history = AuditHistory()
  private(set) var deletions: DeletionAudit
  /// Entries that prove a time to whom the auditor's trust goes.
  private(set) var attested: [AttestedEntry] = []
  private(set) var commitCount: UInt64 = 0
  private var newestCommit: String?
  private(set) var checkpoint: AuditReport.SignedHead?
  private(set) var tileCount: UInt64 = 0
  /// Changes of authors, policies and holds.
  private(set) var events: [(entry: UInt64, text: String)] = []
  /// Whether every commit that is there was verified.
  private(set) var isWhole = true

  private let repository: Repository
  private let options: AuditOptions

  init(_ repository: Repository, _ options: AuditOptions) {
    self.repository = repository
    self.options = options
    fold = LogFold(config: repository.config, configDigest: repository.configDigest)
    deletions = DeletionAudit(storage: repository.storage)
  }

  private var storage: any StorageBackend { repository.storage }

  /// - Throws: `.unsupportedFormat`, `.io`, `.interrupted`; what is wrong is a finding.
  mutating func run() throws {
    // The checkpoint first: whatever it signs was there when it was read.
    let note = try readIfPresent(ObjectName.checkpoint)
    try readCommits()
    if isWhole { try lookBeyond() }
    verifyCheckpoint(note)
    for pin in options.checkpoints { verifyPin(pin) }
    if let pin = try pinned() { verifyPin(pin) }
    try verifyTiles()
  }

  private mutating func readCommits() throws {
    // In variables of its own, so that nothing is copied while it grows.
    var fold = self.fold
    var history = AuditHistory()
    var deletions = self.deletions
    var attested: [AttestedEntry] = []
    var doubtful: [AuditFinding] = []
    let trust = options.policy.trust(besides: options.trust)
    var events: [(entry: UInt64, text: String)] = []
    while isWhole {
      try options.cancellation.check()
      let name = ObjectName.commit(fold.tree.size)
      do {
        guard let commit = try readIfPresent(name) else { break }
        try fold.append(commit: commit) { entry in
          history.add(entry)
          try deletions.take(entry)
          do {
            if let found = try AttestedEntry(entry, trust) { attested.append(found) }
          } catch let error as VarveError {
            doubtful.append(AuditFinding(.notice, .witness, entry: entry.index, error.description))
          }
          if let text = AuditEventText.text(entry.statement.body) {
            events.append((entry.index, text))
          }
        }
        commitCount += 1
        newestCommit = name
      } catch let error as VarveError {
        isWhole = false
        let kind: AuditFinding.Kind
        switch error.code {
        case .damaged, .missing: kind = .entry
        case .unauthorized: kind = .unauthorized
        default: throw error
        }
        findings.append(
          AuditFinding(.broken, kind, entry: fold.tree.size, object: name, error.description))
      }
    }
    (self.fold, self.history, self.deletions) = (fold, history, deletions)
    (self.attested, self.events) = (attested, events)
    findings += doubtful + deletions.findings
    if fold.tree.size == 0 && isWhole {
      isWhole = false
      let name = ObjectName.commit(0)
      findings.append(
        AuditFinding(
          .broken, .truncated, entry: 0, object: name, "\(name) is not there: the log has no entry")
      )
    }
  }

  /// A commit beyond the first that is missing means that entries are lost.
  private mutating func lookBeyond() throws {
    let size = fold.tree.size
    var next: UInt64?
    try storage.list(ObjectName.commitPrefix) { name, _ in
      if case .commit(let start) = ObjectClass(name), start > size {
        next = min(next ?? start, start)
      }
    }
    guard let next else { return }
    isWhole = false
    findings.append(
      AuditFinding(
        .broken, .truncated, entry: size, object: ObjectName.commit(size),
        "\(ObjectName.commit(size)) is not there, although \(ObjectName.commit(next)) is: entries were dropped"
      ))
  }

  private mutating func verifyCheckpoint(_ note: [UInt8]?) {
    let name = ObjectName.checkpoint
    guard let note else {
      findings.append(AuditFinding(.notice, .checkpoint, object: name, "\(name) is not there"))
      return
    }
    do {
      let checkpoint = try Checkpoint(
        note: note, signedBy: try VerifierKey(text: repository.config.logKey),
        origin: repository.config.origin, name)
      self.checkpoint = judge(checkpoint.head, name)
    } catch {
      findings.append(AuditFinding(.broken, .checkpoint, object: name, "\(error)"))
    }
  }

  private mutating func verifyPin(_ pin: AuditOptions.Pin) {
    do {
      let checkpoint: Checkpoint
      if pin.isSigned {
        checkpoint = try Checkpoint(
          note: pin.bytes, signedBy: try VerifierKey(text: repository.config.logKey),
          origin: repository.config.origin, pin.name)
      } else {
        checkpoint = try Checkpoint(text: String(decoding: pin.bytes, as: UTF8.self), pin.name)
      }
      pins.append(judge(checkpoint.head, pin.name))
    } catch {
      findings.append(AuditFinding(.broken, .checkpoint, object: pin.name, "\(error)"))
    }
  }

  /// Checkpoints that somebody has kept.
  private(set) var pins: [AuditReport.SignedHead] = []

  /// Compares a head that is vouched for with the log; gives the proof where it holds.
  private mutating func judge(_ signed: TreeHead, _ name: String) -> AuditReport.SignedHead {
    let head = fold.head
    var result = AuditReport.SignedHead(name: name, head: signed)
    if signed.size > head.size {
      // Behind a broken link nothing can be said of it.
      guard isWhole else { return result }
      findings.append(
        AuditFinding(
          .broken, .truncated, entry: head.size, object: name,
          "\(name) is of \(signed.size) entries, the log has \(head.size): \(ObjectName.commit(head.size)) is not there"
        ))
    } else if let root = fold.tree.root(atSize: signed.size), root != signed.root {
      result.conflict = TreeHead(size: signed.size, root: root)
      findings.append(
        AuditFinding(
          .broken, .fork, entry: nil, object: name,
          "the log is not the one of \(name): at size \(signed.size) that has the root "
            + "\(Base64.encode(signed.root.bytes)), and the log the root \(Base64.encode(root.bytes))"
        ))
    } else {
      result.proof = fold.tree.consistencyProof(from: signed.size, to: head.size)
    }
    return result
  }

  /// Remembers the head, so that a log which does not continue it is noticed here from now on.
  func remember() throws {
    guard let client = options.client, isWhole, findings.allSatisfy({ $0.severity == .notice }),
      let newestCommit, (try? storage.settle(newestCommit)) != nil
    else { return }
    try ClientState(client, repository: repository.config.id).advancePin(to: fold.head) {
      fold.tree.root(atSize: $0.size) == $0.root
    }
  }

  /// What this client remembers, if it has seen the log before.
  private func pinned() throws -> AuditOptions.Pin? {
    guard let client = options.client,
      let head = try ClientState(client, repository: repository.config.id).pin()
    else { return nil }
    let text = Checkpoint(origin: repository.config.origin, head: head).text
    return AuditOptions.Pin(
      name: "the head that this client has seen", bytes: Array(text.utf8), isSigned: false)
  }

  private mutating func verifyTiles() throws {
    var names: [String] = []
    try storage.list(ObjectName.tilePrefix) { name, _ in names.append(name) }
    for name in names.sorted() {
      try options.cancellation.check()
      guard let tile = Tile(path: String(name.dropFirst("log/".count))) else { continue }
      guard tile.isImplied(bySize: fold.tree.size) else {
        guard isWhole else { continue }
        findings.append(
          AuditFinding(
            .broken, .tile, object: name, "\(name) is of entries that the log does not have"))
        continue
      }
      tileCount += 1
      guard let bytes = try readIfPresent(name), !isRight(tile, bytes, name) else { continue }
      findings.append(
        AuditFinding(.broken, .tile, object: name, "\(name) is not what the entries imply"))
    }
  }

  private func isRight(_ tile: Tile, _ bytes: [UInt8], _ name: String) -> Bool {
    switch tile.kind {
    case .hashes: return fold.tree.hashes(of: tile).map { Tile.bytes(of: $0) == bytes } ?? false
    case .entries:
      guard let entries = try? EntryBundle.entries(of: bytes, name), entries.count == tile.width
      else { return false }
      let start = tile.index * UInt64(Tile.fullWidth)
      return entries.enumerated().allSatisfy { offset, entry in
        MerkleHash.leaf(entry) == fold.tree.leafHash(start + UInt64(offset))
      }
    }
  }

  private func readIfPresent(_ name: String) throws -> [UInt8]? {
    do {
      return try storage.read(name)
    } catch let error as VarveError where error.code == .missing {
      return nil
    }
  }
}
