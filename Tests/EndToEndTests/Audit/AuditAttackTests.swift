import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveTestThreads

/// What somebody who has the storage, or a credential, may try; each must end in 22 and be explained.
@Suite(.onOwnThreads) struct AuditAttackTests {
  /// A history of some days: a policy, and a daily snapshot by a writer.
  struct Scene {
    let here: Workspace
    let bench: HistoryBench
    let writer: HistoryBench.Author

    init(days: Int64 = 10, daysAgo: Int64 = 100) throws {
      here = try Workspace()
      bench = try HistoryBench(at: here.repository, state: here.root + "/maker", daysAgo: daysAgo)
      here.environment["VARVE_PASSWORD_FILE"] = nil
      writer = try bench.add(.writer, at: bench.hours(0))
      try bench.commit(by: bench.owner, at: bench.hours(0), HistoryBench.policy([.daily: 5]))
      for day in 0..<days {
        try bench.commit(
          by: writer, at: bench.hours(1 + 24 * day),
          HistoryBench.snapshot(
            UInt64(day) + 1, taken: bench.hours(1 + 24 * day), packs: [UInt64(day) + 1]))
      }
      try bench.sign()
    }

    /// The hour after the last snapshot, of a history of ten days.
    var next: Timestamp { bench.hours(1 + 24 * 10) }

    func audit(_ arguments: String..., to: Timestamp? = nil) throws -> Outcome {
      try here.varve(
        ["audit", "--key", bench.config.logKey, "--to", (to ?? bench.hours(24 * 11)).utcSeconds]
          + arguments)
    }

    /// Requires that an audit fails, at an entry, with an explanation.
    func expectBroken(
      _ kind: String, at entry: UInt64? = nil, saying words: String..., arguments: [String] = [],
      location: SourceLocation = #_sourceLocation
    ) throws {
      // A client of its own each time, unless it is about what clients remember.
      here.environment["XDG_STATE_HOME"] = here.root + "/state-\(here.objects().count)-\(kind)"
      let said = try here.varve(
        ["audit", "--key", bench.config.logKey, "--to", bench.hours(24 * 11).utcSeconds] + arguments
      )
      #expect(said.code == 22, "\(said.code): \(said.text)\(said.errors)", sourceLocation: location)
      #expect(said.errors.contains("hint"), "\(said.errors)", sourceLocation: location)
      for word in words {
        #expect(
          said.errors.contains(word), "no \"\(word)\" in: \(said.errors)", sourceLocation: location)
      }
      let json = try here.varve(
        ["audit", "--json", "--key", bench.config.logKey, "--to", bench.hours(24 * 11).utcSeconds]
          + arguments)
      #expect(json.code == 22, sourceLocation: location)
      let first = try json.document()["broken"][0]
      #expect(first["kind"].string == kind, "\(json.text)", sourceLocation: location)
      if let entry {
        #expect(first["entry"].number == Int(entry), "\(json.text)", sourceLocation: location)
      }
    }
  }

  @Test func anHonestHistoryHolds() throws {
    let scene = try Scene()
    let outcome = try scene.audit()
    #expect(outcome.code == 0, "\(outcome.text)\(outcome.errors)")
    #expect(outcome.text.contains("every link holds"))
    let json = try scene.audit("--json").document()
    #expect(json["holds"].bool == true)
    #expect(json["snapshots"]["added"].number == 10)
    #expect(json["checkpoints"][0]["consistency"].exists)
  }

  @Test func anotherKey() throws {
    let scene = try Scene()
    let other = try HistoryBench(
      at: scene.here.root + "/other", state: scene.here.root + "/other-state")
    let outcome = try scene.here.varve("audit", "--key", other.config.logKey)
    #expect(outcome.code == 22, "\(outcome.errors)")
    #expect(outcome.errors.contains("has the key"))
    try scene.here.fail(64, "audit", "--key", "nonsense", saying: ["verifier key"])
  }

  // MARK: The bytes of the log

  @Test func entryEdited() throws {
    let scene = try Scene()
    let name = ObjectName.commit(7)
    let bytes = try scene.bench.read(name)
    // Whatever bit: here one of the payload, one of the signature, one of the length.
    for place in [60, bytes.count - 40, 1] {
      var changed = bytes
      changed[place] ^= 1
      try scene.bench.put(name, changed)
      try scene.expectBroken("entry", at: 7, saying: name)
    }
    // Another reason in a well-formed envelope, with the old signature.
    let entry = try EntryBundle.entries(of: bytes, "test")[0]
    let envelope = try DSSEEnvelope(entry, "test")
    var text = String(decoding: envelope.payload, as: UTF8.self)
    text = text.replacing("\"program\":\"test\"", with: "\"program\":\"best\"")
    let forged = String(decoding: entry, as: UTF8.self)
      .replacing(Base64.encode(envelope.payload), with: Base64.encode(Array(text.utf8)))
    try scene.bench.put(name, try EntryBundle.encode([Array(forged.utf8)]))
    try scene.expectBroken("entry", at: 7, saying: name, "signature is not valid")
  }

  @Test func entryDropped() throws {
    let scene = try Scene()
    try scene.bench.remove(ObjectName.commit(7))
    try scene.expectBroken("truncated", at: 7, saying: ObjectName.commit(7))
    // Out of a commit of three.
    let other = try Scene()
    let start = try other.bench.commit(
      by: other.writer, at: other.next,
      (0..<3).map { HistoryBench.snapshot(50 + $0, taken: other.next) })
    let entries = try EntryBundle.entries(of: other.bench.read(ObjectName.commit(start)), "test")
    try other.bench.put(
      ObjectName.commit(start), try EntryBundle.encode([entries[0], entries[2]]))
    try other.expectBroken("entry", at: start + 1, saying: "another place")
  }

  @Test func entriesReordered() throws {
    let scene = try Scene()
    let (first, second) = (
      try scene.bench.read(ObjectName.commit(6)), try scene.bench.read(ObjectName.commit(7))
    )
    try scene.bench.put(ObjectName.commit(6), second)
    try scene.bench.put(ObjectName.commit(7), first)
    try scene.expectBroken("entry", at: 6, saying: "another place")
  }

  @Test func entryReplayedFromAnotherRepository() throws {
    let scene = try Scene()
    // The same author's key is used in another repository, at the same place.
    let other = try HistoryBench(
      at: scene.here.root + "/other", state: scene.here.root + "/other-state")
    let writer = try other.add(.writer, at: other.hours(0))
    try other.commit(by: other.owner, at: other.hours(0), HistoryBench.policy([.daily: 5]))
    for day in 0..<10 {
      try other.commit(
        by: writer, at: other.hours(1 + 24 * Int64(day)),
        HistoryBench.snapshot(UInt64(day) + 1, taken: other.hours(1 + 24 * Int64(day))))
    }
    try scene.bench.put(ObjectName.commit(7), try other.read(ObjectName.commit(7)))
    try scene.expectBroken("entry", at: 7, saying: "belongs to another repository")
  }

  @Test func logTruncated() throws {
    let scene = try Scene()
    let last = scene.bench.head.size - 1
    let kept = scene.here.root + "/kept"
    try scene.here.write(try scene.bench.read(ObjectName.checkpoint), to: kept)
    let state = try #require(scene.here.environment["XDG_STATE_HOME"])
    // This client has seen the whole log.
    #expect(try scene.audit().code == 0)
    try scene.bench.remove(ObjectName.commit(last))
    try scene.expectBroken("truncated", at: last, saying: "\(last)")
    // Storage serves an older checkpoint, which is signed well.
    let older = try #require(scene.bench.fold.tree.root(atSize: last))
    try scene.bench.put(
      ObjectName.checkpoint, try scene.bench.checkpoint(TreeHead(size: last, root: older)))
    try scene.expectBroken(
      "truncated", at: last, saying: kept, arguments: ["--checkpoint", kept])
    scene.here.environment["XDG_STATE_HOME"] = scene.here.root + "/fresh"
    #expect(try scene.audit().code == 0, "nobody remembers")
    scene.here.environment["XDG_STATE_HOME"] = state
    let outcome = try scene.audit()
    #expect(outcome.code == 22, "\(outcome.text)")
    #expect(outcome.errors.contains("this client has seen"))
  }

  @Test func logForked() throws {
    let scene = try Scene()
    // The same log up to here, shown to two auditors with different ends.
    let head = scene.bench.head
    let shown = scene.here.root + "/shown"
    let other = LogFork(scene.bench)
    try scene.here.write(try other.checkpoint(), to: shown)
    try scene.bench.commit(
      by: scene.writer, at: scene.next, HistoryBench.snapshot(90, taken: scene.next))
    try scene.bench.sign()
    #expect(scene.bench.head.size == head.size + 1)
    try scene.expectBroken(
      "fork", saying: "not the one of", "root", arguments: ["--checkpoint", shown])
    let json = try scene.audit("--json", "--checkpoint", shown).document()
    let pin = json["checkpoints"][1]
    #expect(pin["root"].string != pin["conflicting_root"].string)
    #expect(pin["conflicting_root"].exists)
  }

  /// The other end of a forked log.
  struct LogFork {
    let bench: HistoryBench
    let head: TreeHead

    init(_ bench: HistoryBench) {
      self.bench = bench
      var tree = bench.fold.tree
      tree.append(entry: Array("another end".utf8))
      head = tree.head
    }

    func checkpoint() throws -> [UInt8] { try bench.checkpoint(head) }
  }

  @Test func spellingsThatAreNotCanonical() throws {
    let scene = try Scene()
    let bench = scene.bench
    let at = bench.head.size
    func payload() throws -> String {
      String(
        decoding: try bench.statement(
          by: scene.writer, at: scene.next, HistoryBench.snapshot(80, taken: scene.next)
        ).bytes(config: bench.configDigest), as: UTF8.self)
    }
    // What the author signs has a member twice, a leading zero, a blank, or digits of another base64.
    let text = try payload()
    for changed in [
      text.replacing("\"program\":\"test\"", with: "\"program\":\"test\",\"program\":\"test\""),
      text.replacing("\"previous\":\(at - 1)", with: "\"previous\":0\(at - 1)"),
      text.replacing(",\"program\"", with: ", \"program\""),
      text.replacing("\"program\":\"test\"", with: "\"program\":\"\\u0074est\""),
    ] {
      #expect(changed != text)
      let entry = try bench.entry(Array(changed.utf8), by: scene.writer)
      try bench.force(try EntryBundle.encode([entry]))
      try scene.expectBroken("entry", at: at, saying: ObjectName.commit(at), "damaged")
    }
    // The envelope around it.
    let right = String(decoding: try bench.entry(Array(text.utf8), by: scene.writer), as: UTF8.self)
    var signature = Array(right.utf8)
    let end = try #require(right.utf8.lastIndex(of: UInt8(ascii: "=")))
    let place = right.utf8.distance(from: right.utf8.startIndex, to: end) - 2
    // The last digit before the padding has bits that count for nothing, and must be 0.
    signature[place] =
      signature[place] == UInt8(ascii: "Q") ? UInt8(ascii: "R") : signature[place] + 1
    for changed in [
      Array(right.replacing("{\"payload\"", with: "{\"payload\":\"\",\"payload\"").utf8),
      Array(right.replacing("==\"}]}", with: "\"}]}").utf8), signature,
      Array((right + "\n").utf8),
    ] {
      #expect(changed != Array(right.utf8))
      try bench.force(try EntryBundle.encode([changed]))
      try scene.expectBroken("entry", at: at, saying: ObjectName.commit(at), "damaged")
    }
    try bench.remove(ObjectName.commit(at))
    // A checkpoint whose size is spelled with a zero before it.
    let head = bench.head
    try bench.put(
      ObjectName.checkpoint,
      try bench.note("\(bench.config.origin)\n0\(head.size)\n\(Base64.encode(head.root.bytes))\n"))
    try scene.expectBroken("checkpoint", saying: "not a checkpoint")
  }

  @Test func tilesThatDiffer() throws {
    let scene = try Scene(days: 260, daysAgo: 300)
    let bench = scene.bench
    let tile = "log/tile/0/000"
    let hashes = (0..<256).compactMap { bench.fold.tree.leafHash(UInt64($0)) }
    try bench.put(tile, Tile.bytes(of: hashes))
    #expect(try scene.audit(to: bench.hours(24 * 261)).code == 0)
    try bench.put(tile, Tile.bytes(of: hashes.reversed()))
    let json = try scene.audit("--json", to: bench.hours(24 * 261)).document()
    #expect(json["broken"].list.map { $0["object"].string } == [tile])
  }

  // MARK: What authors may not do

  @Test func forgetByAWriter() throws {
    let scene = try Scene()
    let at = try scene.bench.force(by: scene.writer, at: scene.next, HistoryBench.forget(3))
    try scene.expectBroken(
      "unauthorized", at: at, saying: ObjectName.commit(at), "is a writer", "not allowed")
  }

  @Test func revokedAuthor() throws {
    let scene = try Scene()
    let removed = try scene.bench.commit(
      by: scene.bench.owner, at: scene.next,
      .credential(
        .init(removals: [
          .init(credential: scene.writer.credential, keyID: try scene.writer.keyID)
        ])))
    let at = try scene.bench.force(
      by: scene.writer, at: scene.next, HistoryBench.snapshot(70, taken: scene.next))
    try scene.expectBroken("unauthorized", at: at, saying: "entry \(removed) removed its author")
  }

  @Test func snapshotRemovedWithoutAForget() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    let snapshot = try #require(try here.backup()["snapshot_id"].string)
    here.environment["VARVE_PASSWORD_FILE"] = nil
    #expect(try here.varve("audit", "--objects", "size").code == 0)
    unlink(here.repository + "/snapshots/" + snapshot)
    try here.fail(22, "audit", "--objects", "size", saying: ["snapshots/" + snapshot, "missing"])
    // Its entry went, too, and the log was closed behind it: every later entry signs the tree before it.
    let scene = try Scene()
    try scene.bench.remove(ObjectName.commit(7))
    for place in 8..<scene.bench.head.size {
      let bytes = try scene.bench.read(ObjectName.commit(place))
      try scene.bench.put(ObjectName.commit(place - 1), bytes)
      try scene.bench.remove(ObjectName.commit(place))
    }
    try scene.bench.remove(ObjectName.checkpoint)
    try scene.expectBroken("entry", at: 7, saying: "another place")
  }

  /// Whoever has the log's key could have made all of it: an audit with nothing else says so.
  @Test func theKeyAloneVouchesForNobody() throws {
    let scene = try Scene()
    let digest = SHA256.digest(try scene.bench.read(ObjectName.config)).hex
    scene.here.environment["XDG_STATE_HOME"] = scene.here.root + "/fresh"
    let alone = try scene.audit("--json").document()
    #expect(alone["config_digest"].string == digest)
    #expect(alone["notices"].list.contains { $0["message"].string?.contains(digest) == true })
    // This client has seen the log since; another has not.
    for (client, arguments) in [
      ("fresh", [String]()), ("second", ["--config-digest", digest]),
    ] {
      scene.here.environment["XDG_STATE_HOME"] = scene.here.root + "/\(client)"
      let outcome = try scene.here.varve(
        [
          "audit", "--key", scene.bench.config.logKey, "--to",
          scene.bench.hours(24 * 11).utcSeconds,
        ]
          + arguments)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(!outcome.text.contains("could have made this log"))
      #expect(outcome.text.contains(digest))
    }
    try scene.expectBroken(
      "key", saying: digest,
      arguments: ["--config-digest", String(repeating: "0", count: 64)])
    #expect(try scene.audit("--config-digest", "abc").code == 64)
  }

  @Test func livePackDeletedOrReplaced() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    try here.backup()
    let pack = try here.largestPack()
    let name = String(pack.dropFirst(here.repository.count + 1))
    here.environment["VARVE_PASSWORD_FILE"] = nil
    var bytes = try here.read(pack)
    let right = bytes
    #expect(try here.varve("audit", "--objects", "hash").code == 0)
    bytes[bytes.count / 2] ^= 1
    try here.write(bytes, to: pack)
    #expect(try here.varve("audit", "--objects", "size").code == 0, "of the same size")
    try here.fail(22, "audit", "--objects", "hash", saying: [name, "damaged"])
    try here.write(Array(right.dropLast()), to: pack)
    try here.fail(22, "audit", "--objects", "size", saying: [name, "damaged"])
    unlink(pack)
    try here.fail(22, "audit", "--objects", "size", saying: [name, "missing"])
    #expect(try here.varve("audit").code == 0, "the log itself is right")
  }

  // MARK: Times

  @Test func backDatedSnapshot() throws {
    let scene = try Scene()
    // The entry itself claims to be older than what it stands behind.
    let at = try scene.bench.commit(
      by: scene.writer, at: scene.bench.hours(30),
      HistoryBench.snapshot(60, taken: scene.bench.hours(30)))
    try scene.bench.sign()
    try scene.expectBroken("time", at: at, saying: "entry \(at)", "back-dated")
    // The entry is honest, the record is not.
    let other = try Scene()
    let late = try other.bench.commit(
      by: other.writer, at: other.next, HistoryBench.snapshot(60, taken: other.bench.hours(2)))
    try other.expectBroken("time", at: late, saying: "entry \(late)", "back-dated")
    let policy = other.here.root + "/policy"
    try other.here.write("delay none\n", to: policy)
    #expect(try other.audit("--policy", policy).code == 0)
    // A record of the future.
    let third = try Scene()
    let early = try third.bench.commit(
      by: third.writer, at: third.next,
      HistoryBench.snapshot(60, taken: Timestamp(seconds: third.next.seconds + 86_400)))
    try third.expectBroken("time", at: early, saying: "dates it")
  }

  @Test func entryOfTheFuture() throws {
    let scene = try Scene()
    let future = Timestamp(seconds: WallClock.now().seconds + 7200)
    let at = try scene.bench.commit(
      by: scene.writer, at: future, HistoryBench.check(at: scene.next))
    let outcome = try scene.here.varve(
      "audit", "--to", Timestamp(seconds: future.seconds + 1).utcSeconds)
    #expect(outcome.code == 22)
    #expect(outcome.errors.contains("entry \(at)") && outcome.errors.contains("future"))
  }
}
