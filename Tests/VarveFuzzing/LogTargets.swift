import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

extension ParserTarget {
  private static let statementTokens = [
    "\"adds\":[", "\"inventory\":\"", "\"previous\":-1", "\"snapshots\":[", "urn:varve:snapshot:v1",
    "urn:varve:credential:v1", "urn:varve:forget:v1", "urn:varve:check:v1", "urn:varve:policy:v1",
    "urn:varve:hold:v1", "urn:varve:release:v1", "urn:varve:repack:v1", "urn:varve:condemn:v1",
    "urn:varve:sweep:v1", "urn:varve:undo:v1", "urn:varve:lost:v1", "urn:varve:threshold:v1",
    "urn:varve:proposal:v1", "urn:varve:approval:v1", "\"proposal\":", "\"action\":{",
    "\"kind\":\"forget\"", "urn:varve:receipt:v1", "urn:varve:cosign:v1", "urn:varve:anchor:v1",
    "\"checkpoint\":\"", "\"token\":\"",
    "\"permanent\":true", "\"activity\":\"", "\"taken\":\"", "\"tree\":\"", "\"digests\":{",
    "\"until\":\"", "\"partial\":true", "\"keep\":{", "\"condemned\":[", "\"objects\":[",
    "\"source\":\"", "\"tags\":[", "2026-03-01T12:00:00Z", "9007199254740991",
  ]

  static let logTargets: [ParserTarget] = [
    ParserTarget(
      "commit", tokens: ["{\"payload\":\"", "\",\"payloadType\":\"", "\"keyid\":\"", "\"sig\":\""],
      seeds: { [FuzzRepository.shared.firstCommit, [0, 1, 65], [0, 2, 1, 2, 0, 1, 3]] },
      recode: { bytes in
        let entries = try EntryBundle.entries(of: bytes, limit: LogEntry.commitLimit, "commit")
        // As the log reads its first commit: down to signatures and state.
        var fold = LogFold(
          config: FuzzRepository.shared.config, configDigest: FuzzRepository.shared.configDigest)
        let isRead = (try? fold.append(commit: bytes)) != nil
        try require(
          !isRead || bytes == FuzzRepository.shared.firstCommit, "a log that nobody signed")
        return try EntryBundle.encode(entries)
      }),
    ParserTarget(
      "note", tokens: ["\n\n\u{2014} ", "\u{2014} ", "+", "=\n"],
      seeds: {
        [
          FuzzRepository.shared.configObject,
          try FuzzRepository.shared.storage.read(ObjectName.checkpoint),
        ]
      },
      recode: { try SignedNote($0, "note").bytes }),
    ParserTarget(
      "verifier-key", tokens: ["+", "varve/"],
      seeds: { [Array(FuzzRepository.shared.config.logKey.utf8)] },
      recode: { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return Array(try VerifierKey(text: text).text.utf8)
      }),
    ParserTarget(
      "checkpoint", tokens: ["\n", "18446744073709551615", "varve/"],
      seeds: {
        let head = TreeHead(size: 7, root: Digest(1, 2, 3, 4))
        return [
          Array(Checkpoint(origin: "varve/x", head: head).text.utf8),
          Array(Checkpoint(origin: "o", head: head, extensions: ["more", "lines"]).text.utf8),
        ]
      },
      recode: { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return Array(try Checkpoint(text: text, "checkpoint").text.utf8)
      }),
    ParserTarget(
      "envelope",
      tokens: ["{\"payload\":\"", "\",\"payloadType\":\"", "\"keyid\":\"", "\"sig\":\""],
      seeds: { try EntryBundle.entries(of: FuzzRepository.shared.firstCommit, limit: 255, "seed") },
      recode: { bytes in
        let envelope = try DSSEEnvelope(bytes, "envelope")
        use(envelope.isSigned(by: [UInt8](repeating: 9, count: 32)))
        return envelope.bytes
      }),
    // Of whatever kind the decoder knows.
    ParserTarget(
      "statement", tokens: statementTokens, seeds: { statements() },
      recode: { bytes in
        let config = FuzzRepository.shared.configDigest
        let statement = try LogStatement(bytes, config: config, "statement")
        use(statement.body.kind)
        use(statement.body.permittedRoles)
        return statement.bytes(config: config)
      }),
    // What an owner may have signed: the statement's place is made right, its body is the input's. What the
    // state takes must read back from the stored fold.
    ParserTarget(
      "log-state", tokens: statementTokens,
      refusals: [.damaged, .unsupportedFormat, .unauthorized],
      seeds: { statements() },
      recode: { bytes in
        let shared = FuzzRepository.shared
        let body = try LogStatement(bytes, config: shared.configDigest, "statement").body
        var fold = try shared.fold()
        for _ in 0..<2 {
          try fold.append(commit: EntryBundle.encode([try signed(body, on: fold)]))
          let stored = StoredFold.encode(fold)
          let read = StoredFold.decode(
            stored, config: shared.config, configDigest: shared.configDigest)
          guard let read else { throw Broken("a fold that does not read back") }
          try require(StoredFold.encode(read) == stored, "a fold that reads back as another")
        }
        return nil
      }),
    // The fold's sum is made right: what counts is what the reader behind it does.
    ParserTarget(
      "stored-fold", tokens: ["VARVEFLD"],
      seeds: {
        var fold = try FuzzRepository.shared.fold()
        var seeds = [StoredFold.encode(fold)]
        for body in bodies() {
          let entry = try signed(body, on: fold)
          var next = fold
          guard (try? next.append(commit: EntryBundle.encode([entry]))) != nil else { continue }
          fold = next
          seeds.append(StoredFold.encode(fold))
        }
        return seeds.map { Array($0.dropLast(Digest.byteCount)) }
      },
      recode: { bytes in
        let shared = FuzzRepository.shared
        let sealed = bytes + SHA256.digest(bytes).bytes
        let fold = StoredFold.decode(
          sealed, config: shared.config, configDigest: shared.configDigest)
        guard var fold else { return nil }
        use(fold.state.snapshotsInOrder.count)
        fold.state.listedObjects.forEachObject { use(($0, $1, $2)) }
        use(fold.state.liveCredentials.map(\.role))
        use(fold.endsWith(commit: shared.firstCommit))
        for check in fold.state.checks { use(check.time.utcSeconds) }
        for receipt in fold.state.receipts { use(receipt.receipt.started.utcSeconds) }
        use(StoredFold.encode(fold))
        for body in bodies() {
          if let entry = try? signed(body, on: fold) {
            var next = fold
            if (try? next.append(commit: EntryBundle.encode([entry]))) != nil { fold = next }
          }
        }
        return nil
      }),
  ]

  private static func signed(_ body: LogStatement.Body, on fold: LogFold) throws -> [UInt8] {
    let shared = FuzzRepository.shared
    let head = fold.head
    let statement = LogStatement(
      author: shared.author.keyID,
      position: LogStatement.Position(index: head.size, size: head.size, root: head.root),
      previous: fold.state.authors[shared.author.keyID]?.newestEntry, program: "fuzz",
      repository: shared.config.id, time: Timestamp(seconds: 1_772_362_800), body: body)
    return try shared.author.sign(statement.bytes(config: shared.configDigest))
  }

  private static func statements() -> [[UInt8]] {
    bodies().map {
      LogStatement(
        author: FuzzRepository.shared.author.keyID,
        position: LogStatement.Position(index: 5, size: 4, root: Digest(10, 1, 1, 1)), previous: 3,
        program: "varve test", repository: FuzzRepository.shared.config.id,
        time: Timestamp(seconds: 1_772_362_800), body: $0
      ).bytes(config: FuzzRepository.shared.configDigest)
    }
  }

  private static func bodies() -> [LogStatement.Body] {
    let seed: [UInt8] = Array(7..<39)
    let key = (try? Ed25519SigningKey(seed: SecretBytes(copying: seed)).publicKey) ?? seed
    let one = Digest(4, 1, 1, 1)
    return [
      .snapshot(
        LogStatement.SnapshotAddition(
          snapshot: one,
          additions: .listed([
            ObjectReference(name: ObjectName.pack(Digest(6, 1, 1, 1)), size: 7),
            ObjectReference(name: ObjectName.index(Digest(5, 1, 1, 1)), size: 8),
          ]), parent: Digest(7, 1, 1, 1), original: Digest(8, 1, 1, 1))),
      .snapshot(
        LogStatement.SnapshotAddition(
          snapshot: Digest(9, 1, 1, 1), additions: .inventory(Digest(2, 1, 1, 1)))),
      .credential(
        LogStatement.CredentialChange(
          additions: [
            LogStatement.CredentialChange.Addition(
              authorKey: key, credential: Digest(3, 1, 1, 1), keyID: KeyID(publicKey: key),
              role: .writer)
          ], removals: [])),
      .credential(
        LogStatement.CredentialChange(
          removals: [
            LogStatement.CredentialChange.Removal(
              credential: Digest(3, 1, 1, 1), keyID: KeyID(publicKey: key))
          ])),
      .check(
        LogStatement.CheckResult(
          isDamaged: true, scope: "read-data", counts: ["packs": 3], damaged: ["config"],
          started: Timestamp(seconds: 5))),
      .forget(LogStatement.Forgetting(snapshots: [one], reason: "\u{201c}policy\u{201d}\n")),
      .snapshot(
        LogStatement.SnapshotAddition(
          snapshot: Digest(12, 1, 1, 1), additions: .listed([]), tree: Digest(13, 1, 1, 1),
          taken: Timestamp(seconds: 1_772_362_800, offset: 3_600))),
      .receipt(
        LogStatement.Receipt(
          activity: .restore, result: .incomplete, started: Timestamp(seconds: 5),
          counts: ["files": 3], digests: ["tree": one], scope: "snapshot", snapshots: [one])),
    ] + agreements(on: one) + attestations()
  }

  /// A proposal, and what may come of one that stands at entry 2.
  private static func agreements(on snapshot: Digest) -> [LogStatement.Body] {
    let forget = LogStatement.Forgetting(snapshots: [snapshot], reason: "r")
    let proposal = try? LogStatement.Proposal(.forget(forget))
    return (proposal.map { [.proposal($0)] } ?? []) + [
      .threshold(LogStatement.Threshold(owners: 1)), .approval(LogStatement.Approval(proposal: 2)),
      .forget(LogStatement.Forgetting(snapshots: [snapshot], reason: "r", proposal: 2)),
    ]
  }

  /// Over the checkpoint that is stored, so that the log takes them.
  private static func attestations() -> [LogStatement.Body] {
    guard let bytes = try? FuzzRepository.shared.storage.read(ObjectName.checkpoint),
      let note = try? SignedNote(bytes, "checkpoint"),
      let witness = try? WitnessTargets.signer(),
      let cosignature = try? witness.cosign(note.text, at: 1_772_362_800)
    else { return [] }
    return [
      .cosign(.init(checkpoint: String(decoding: note.adding([cosignature]).bytes, as: UTF8.self))),
      .anchor(.init(checkpoint: String(decoding: bytes, as: UTF8.self), token: [0x30, 0])),
    ]
  }
}
