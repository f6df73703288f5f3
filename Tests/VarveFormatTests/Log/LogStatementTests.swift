import Testing
import VarveFormat

@Suite struct LogStatementTests {
  static let config = Digest(1, 1, 1, 1)
  static let keyID = KeyID(text: "00112233445566778899aabbccddeeff")!

  static func digest(_ number: UInt64) -> Digest { Digest(number, number, number, number) }

  static let bodies: [LogStatement.Body] = [
    .genesis(.init(config: config, authorKey: [UInt8](repeating: 3, count: 32))),
    .credential(
      .init(
        additions: [
          .init(
            authorKey: [UInt8](repeating: 4, count: 32), credential: digest(2), keyID: keyID,
            role: .writer)
        ], removals: [.init(credential: digest(3), keyID: keyID)])),
    .credential(.init(removals: [.init(credential: digest(3), keyID: keyID)])),
    .snapshot(
      .init(
        snapshot: digest(4),
        additions: .listed([
          ObjectReference(name: ObjectName.pack(digest(6)), size: 7),
          ObjectReference(name: ObjectName.index(digest(5)), size: 8),
        ]), parent: digest(7), original: digest(8))),
    .snapshot(.init(snapshot: digest(4), additions: .inventory(digest(9)))),
    .snapshot(.init(snapshot: digest(4), additions: .listed([]))),
    .forget(.init(snapshots: [digest(4), digest(5)], reason: "“policy”\n")),
    .check(
      .init(
        isDamaged: true, scope: "read-data", counts: ["packs": 3], damaged: ["config"],
        started: Timestamp(seconds: 5))),
    .snapshot(
      .init(
        snapshot: digest(4), additions: .listed([]), source: digest(2),
        tags: [digest(9), digest(3), digest(9)], isPartial: true)),
    .policy(.init(source: nil, keep: policy)),
    .policy(.init(source: digest(2), keep: nil)),
    .hold(
      .init(
        snapshots: [digest(5), digest(4)], term: .until(Timestamp(seconds: 1_772_362_801)),
        reason: "audit")),
    .hold(.init(snapshots: [digest(5)], term: .released, reason: "")),
    .hold(.init(snapshots: [digest(5)], term: .permanent, reason: "law")),
    .release(.init(snapshots: [digest(5)], reason: "done")),
    .repack(.init(additions: .listed(objects), reason: .prune)),
    .repack(.init(additions: .inventory(digest(6)), reason: .repair)),
    .condemn(
      .init(
        objects: .listed(
          objects + [ObjectReference(name: ObjectName.snapshot(digest(8)), size: 5)]))),
    .condemn(.init(objects: .inventory(digest(6)))),
    .sweep(.init(condemned: [7, 2])),
    .undo(.init(snapshots: [digest(8), digest(4)], condemned: [3, 1])),
    .undo(.init(snapshots: [], condemned: [3])),
    .undo(.init(snapshots: [digest(8)])),
    .lost(.init(objects: .listed(objects))),
    .lost(.init(objects: .inventory(digest(6)))),
    .threshold(.init(owners: 2)),
    .threshold(.init(owners: 1, proposal: 7)),
    .approval(.init(proposal: 9)),
    .forget(.init(snapshots: [digest(4)], reason: "agreed", proposal: 0)),
    .policy(.init(source: nil, keep: nil, proposal: 3)),
    .release(.init(snapshots: [digest(5)], reason: "", proposal: 3)),
    .credential(.init(removals: [.init(credential: digest(3), keyID: keyID)], proposal: 3)),
    proposal(.forget(.init(snapshots: [digest(4), digest(5)], reason: "r"))),
    proposal(.policy(.init(source: digest(2), keep: policy))),
    proposal(.release(.init(snapshots: [digest(5)], reason: "done"))),
    proposal(.credential(.init(removals: [.init(credential: digest(3), keyID: keyID)]))),
    proposal(.threshold(.init(owners: 1))),
    .snapshot(
      .init(
        snapshot: digest(4), additions: .listed([]), tree: digest(12),
        taken: Timestamp(seconds: 1_772_362_800, nanoseconds: 5, offset: -12_600))),
    .receipt(
      .init(
        activity: .restore, result: .ok, started: Timestamp(seconds: 1_772_362_799),
        counts: ["files": 3], digests: ["tree": digest(12)], scope: "snapshot",
        snapshots: [digest(4)])),
    .receipt(
      .init(
        activity: .prune, result: .incomplete, started: Timestamp(seconds: 1), counts: [:],
        scope: "", snapshots: [])),
    .receipt(
      .init(
        activity: .copy, result: .failed, started: Timestamp(seconds: 1), counts: ["n": -1],
        scope: "s", snapshots: [digest(9), digest(4), digest(9)])),
    .cosign(.init(checkpoint: "o\n1\n\n— o AAAAAAAA\n— w AAAAAAAA\n")),
    .anchor(.init(checkpoint: "o\n1\n\n— o AAAAAAAA\n", token: [0x30, 0, 0xff])),
  ]

  /// Of an action that may be proposed; any other gives a body that no test expects.
  private static func proposal(_ action: LogStatement.Body) -> LogStatement.Body {
    (try? LogStatement.Proposal(action)).map { .proposal($0) } ?? action
  }

  static let objects = [
    ObjectReference(name: ObjectName.pack(digest(6)), size: 7),
    ObjectReference(name: ObjectName.index(digest(5)), size: 8),
  ]

  static var policy: RetentionPolicy {
    var policy = RetentionPolicy()
    policy[.last] = .limited(3)
    policy[.yearly] = .unlimited
    policy[.within] = RetentionDuration(months: 2, hours: 5)
    policy.tags = [digest(9), digest(3)]
    return policy
  }

  static func statement(_ body: LogStatement.Body, previous: UInt64? = 3) -> LogStatement {
    LogStatement(
      author: keyID, position: .init(index: 5, size: 4, root: digest(10)), previous: previous,
      program: "varve test", repository: digest(11), time: Timestamp(seconds: 1_772_362_800),
      body: body)
  }

  @Test(arguments: bodies) func statementsReadBack(_ body: LogStatement.Body) throws {
    for previous: UInt64? in [nil, 0, 3] {
      let statement = Self.statement(body, previous: previous)
      let bytes = statement.bytes(config: Self.config)
      #expect(try LogStatement(bytes, config: Self.config, "entry") == statement)
    }
  }

  @Test func spelling() {
    let statement = Self.statement(.forget(.init(snapshots: [Self.digest(4)], reason: "why")))
    let id = Self.digest(4).hex
    #expect(
      String(decoding: statement.bytes(config: Self.config), as: UTF8.self)
        == #"{"_type":"https://in-toto.io/Statement/v1","predicate":{"#
        + #""author":"00112233445566778899aabbccddeeff","#
        + #""log":{"index":5,"root":"\#(Self.digest(10).hex)","size":4},"previous":3,"#
        + #""program":"varve test","reason":"why","repository":"\#(Self.digest(11).hex)","#
        + #""snapshots":["\#(id)"],"time":"2026-03-01T11:00:00Z"},"#
        + #""predicateType":"urn:varve:forget:v1","#
        + #""subject":[{"digest":{"sha256":"\#(id)"},"name":"snapshots/\#(id)"}]}"#)
  }

  @Test(arguments: bodies) func noChangedByteReadsAsTheSame(_ body: LogStatement.Body) throws {
    let statement = Self.statement(body)
    let bytes = statement.bytes(config: Self.config)
    for index in bytes.indices {
      for flip: UInt8 in [1, 2, 0x20] {
        var changed = bytes
        changed[index] ^= flip
        if let read = try? LogStatement(changed, config: Self.config, "entry") {
          #expect(read != statement)
          #expect(read.bytes(config: Self.config) == changed)
        }
      }
    }
  }

  static func changed(_ body: LogStatement.Body, _ old: String, _ new: String) -> [UInt8] {
    let text = String(decoding: statement(body).bytes(config: config), as: UTF8.self)
    let result = text.replacing(old, with: new)
    precondition(result != text, "nothing was changed")
    return Array(result.utf8)
  }

  @Test func malformedStatementsAreRefused() throws {
    let snapshot = Self.bodies[3]
    let pack = ObjectName.pack(Self.digest(6))
    let cases: [(LogStatement.Body, String, String)] = [
      (snapshot, "v1\",\"subject", "v1\",\"subjeCt"),
      (snapshot, "in-toto.io/Statement/v1", "in-toto.io/Statement/v2"),
      (snapshot, #""previous":3"#, #""previous":-2"#),
      (snapshot, #""index":5"#, #""index":-5"#),
      (snapshot, "11:00:00Z", "11:00:00+00:00"),
      (snapshot, pack, "config"),
      (snapshot, pack, ObjectName.snapshot(Self.digest(6))),
      (snapshot, pack, "index/" + Self.digest(5).hex),
      (snapshot, #""name":"snapshots/"#, #""name":"inventories/"#),
      (Self.bodies[6], #""reason""#, #""reasons""#),
      (Self.bodies[7], #""result":"damaged""#, #""result":"fine""#),
      (Self.bodies[7], #""packs":3"#, #""packs":"3""#),
      (Self.bodies[1], #""role":"writer""#, #""role":"admin""#),
      (Self.bodies[1], "BAQEBAQEBAQE", "BAQEBAQE"),
      (Self.bodies[4], ObjectName.inventory(Self.digest(9)), ObjectName.config),
    ]
    for (body, old, new) in cases {
      let bytes = Self.changed(body, old, new)
      let error = #expect(throws: VarveError.self, "\(new)") {
        try LogStatement(bytes, config: Self.config, "entry")
      }
      #expect(error?.code == .damaged || error?.code == .unsupportedFormat, "\(new)")
    }
    let genesis = Self.statement(Self.bodies[0]).bytes(config: Self.config)
    #expect(throws: VarveError(.damaged, "")) {
      try LogStatement(genesis, config: Self.digest(2), "entry")
    }
  }

  /// Members of the kinds that policies and deletion have, each wrong in its own way.
  @Test func malformedMembersAreRefused() throws {
    func body(_ kind: String) throws -> LogStatement.Body {
      try #require(Self.bodies.first { $0.kind == kind })
    }
    let (three, nine) = (Self.digest(3).hex, Self.digest(9).hex)
    let tagged = try #require(
      Self.bodies.first {
        if case .snapshot(let addition) = $0 { addition.isPartial } else { false }
      })
    let zoned = try #require(
      Self.bodies.first {
        if case .snapshot(let addition) = $0 { addition.taken != nil } else { false }
      })
    let pack = ObjectName.pack(Self.digest(6))
    let until = #""until":"2026-03-01T11:00:01Z""#
    let cases: [(LogStatement.Body, String, String)] = [
      (tagged, #""partial":true"#, #""partial":false"#),
      (tagged, #""partial":true"#, #""partial":1"#),
      (tagged, #"["\#(three)","\#(nine)"]"#, #"["\#(nine)","\#(three)"]"#),
      (tagged, #"["\#(three)","\#(nine)"]"#, #"["\#(three)","\#(three)"]"#),
      (tagged, #"["\#(three)","\#(nine)"]"#, "[]"),
      (tagged, #""source":"\#(Self.digest(2).hex)""#, #""source":"""#),
      (try body("policy"), #""last":3"#, #""last":0"#),
      (try body("policy"), #""last":3"#, #""last":-2"#),
      (try body("policy"), #""last":3"#, #""last":"3""#),
      (try body("policy"), #""last":3"#, #""lasT":3"#),
      (try body("policy"), #""within":"2m5h""#, #""within":"5h2m""#),
      (try body("policy"), #""within":"2m5h""#, #""within":"02m5h""#),
      (try body("policy"), #""within":"2m5h""#, #""within":"0h""#),
      (try body("policy"), #""within":"2m5h""#, #""within":"""#),
      (try body("policy"), #""within":"2m5h""#, #""within":"2m5""#),
      (try body("hold"), until, #""until":"2026-03-01T11:00:01+00:00""#),
      (try body("hold"), until, #""until":1"#),
      (try body("hold"), #""reason":"audit""#, #""permanent":true,"reason":"audit""#),
      (try body("hold"), until, #""until":null"#),
      (try body("release"), "release:v1", "hold:v2"),
      (try body("repack"), #""reason":"prune""#, #""reason":"fun""#),
      (try body("repack"), pack, ObjectName.snapshot(Self.digest(6))),
      (try body("condemn"), pack, ObjectName.inventory(Self.digest(6))),
      (try body("condemn"), pack, ObjectName.credential(Self.digest(6))),
      (try body("condemn"), pack, ObjectName.config),
      (try body("condemn"), #""size":7"#, #""size":-7"#),
      (try body("lost"), pack, ObjectName.snapshot(Self.digest(6))),
      (try body("sweep"), "[2,7]", "[7,2]"), (try body("sweep"), "[2,7]", "[2,2]"),
      (try body("sweep"), "[2,7]", "[-1,7]"), (try body("sweep"), "[2,7]", #"["2"]"#),
      (try body("sweep"), "[2,7]", "[]"), (try body("sweep"), "[2,7]", "7"),
      (try body("cosign"), #""checkpoint":"o"#, #""checkpoint":["o"#),
      (try body("cosign"), #""checkpoint""#, #""chequepoint""#),
      (try body("anchor"), #""token":"MAD/""#, #""token":"MAD_""#),
      (try body("anchor"), #""token":"MAD/""#, #""token":"MAD/=""#),
      (try body("anchor"), #""token":"MAD/""#, #""token":"""#),
      (try body("anchor"), #""token":"MAD/""#, #""token":1"#),
      (try body("undo"), "[1,3]", "[3,1]"), (try body("undo"), "[1,3]", "[1,1]"),
      (zoned, #""taken":"2026-03-01T07:30:00-03:30""#, #""taken":"2026-03-01T07:30:00.0-03:30""#),
      (zoned, #""taken":"2026-03-01T07:30:00-03:30""#, #""taken":"2026-03-01T07:30:00+24:00""#),
      (zoned, #""taken":"2026-03-01T07:30:00-03:30""#, #""taken":"2026-02-30T07:30:00-03:30""#),
      (zoned, #""taken":"2026-03-01T07:30:00-03:30""#, #""taken":"2026-03-01T07:30:00-00:00""#),
      (zoned, #""taken":"2026-03-01T07:30:00-03:30""#, #""taken":1"#),
      (zoned, #""tree":"\#(Self.digest(12).hex)""#, #""tree":"""#),
      (zoned, #""tree":"\#(Self.digest(12).hex)""#, #""tree":null"#),
      (try body("receipt"), #""activity":"restore""#, #""activity":"Restore""#),
      (try body("receipt"), #""activity":"restore""#, #""activity":"""#),
      (
        try body("receipt"), #""activity":"restore""#,
        #""activity":"\#(String(repeating: "a", count: 33))""#
      ),
      (try body("receipt"), #""result":"ok""#, #""result":"fine""#),
      (try body("receipt"), #""counts":{"files":3}"#, #""counts":{"files":"3"}"#),
      (try body("receipt"), #""counts":{"files":3}"#, #""counts":[]"#),
      (try body("receipt"), #""digests":{"tree":"#, #""digests":{"tree":1,"trees":"#),
      (try body("receipt"), #""scope":"snapshot""#, #""scope":null"#),
      (
        try body("receipt"), #""scope":"snapshot""#,
        #""scope":"\#(String(repeating: "s", count: 257))""#
      ),
      (try body("receipt"), #""snapshots":["#, #""snapshots":["\#(Self.digest(5).hex)","#),
      (try body("receipt"), "10:59:59Z", "10:59:59+00:00"),
      (try body("threshold"), #""owners":2"#, #""owners":0"#),
      (try body("threshold"), #""owners":2"#, #""owners":-1"#),
      (try body("threshold"), #""owners":2"#, #""owners":2,"proposal":-1"#),
      (try body("approval"), #""proposal":9"#, #""proposal":"9""#),
      (try body("approval"), #""proposal":9"#, #""proposals":9"#),
      (try body("proposal"), #""kind":"forget""#, #""kind":"snapshot""#),
      (try body("proposal"), #""kind":"forget""#, #""kind":"proposal""#),
      (try body("proposal"), #""kind":"forget""#, #""kind":"release","more":1"#),
      (try body("proposal"), #""action":{"#, #""action":{"author":"x","#),
      (try body("proposal"), #""action":{"#, #""action":{"proposal":3,"#),
      (try body("proposal"), #""reason":"r","#, #""reason":"r","proposal":3,"#),
      (try body("proposal"), #""reason":"r","#, ""),
    ]
    for (body, old, new) in cases {
      let bytes = Self.changed(body, old, new)
      let error = #expect(throws: VarveError.self, "\(body.kind): \(new)") {
        try LogStatement(bytes, config: Self.config, "entry")
      }
      #expect(error?.code == .damaged || error?.code == .unsupportedFormat, "\(new)")
    }
  }

  @Test func sizesThatNoIntegerHasAreRefusedAndDoNotTrap() {
    let object = ObjectReference(name: ObjectName.pack(Self.digest(6)), size: .max)
    let bytes = Self.statement(.condemn(.init(objects: .listed([object])))).bytes(
      config: Self.config)
    #expect(throws: VarveError(.damaged, "")) {
      try LogStatement(bytes, config: Self.config, "entry")
    }
  }

  @Test func emptyStatementsAreRefused() {
    for body: LogStatement.Body in [
      .forget(.init(snapshots: [], reason: "")), .credential(.init()),
      .hold(.init(snapshots: [], term: .permanent, reason: "")),
      .release(.init(snapshots: [], reason: "")),
      .repack(.init(additions: .listed([]), reason: .index)),
      .condemn(.init(objects: .listed([]))), .lost(.init(objects: .listed([]))),
      .sweep(.init(condemned: [])), .undo(.init(snapshots: [])),
    ] {
      let bytes = Self.statement(body).bytes(config: Self.config)
      #expect(throws: VarveError(.damaged, "")) {
        try LogStatement(bytes, config: Self.config, "entry")
      }
    }
  }

  @Test func listsAreBounded() {
    let objects = (0..<33).map {
      ObjectReference(name: ObjectName.pack(Self.digest($0)), size: 1)
    }
    for long: LogStatement.Body in [
      .snapshot(.init(snapshot: .zero, additions: .listed(objects))),
      .condemn(.init(objects: .listed(objects))), .lost(.init(objects: .listed(objects))),
      .repack(.init(additions: .listed(objects), reason: .prune)),
      .snapshot(
        .init(
          snapshot: .zero, additions: .listed([]), tags: (0...256).map(Self.digest))),
    ] {
      let bytes = Self.statement(long).bytes(config: Self.config)
      #expect(throws: VarveError(.damaged, "")) {
        try LogStatement(bytes, config: Self.config, "entry")
      }
    }
    let receipt = LogStatement.Receipt(
      activity: .restore, result: .ok, started: Timestamp(seconds: 0), counts: [:], scope: "",
      snapshots: (0..<200).map(Self.digest))
    #expect(receipt.snapshots == (0..<128).map(Self.digest))
    for long in [
      LogStatement.Receipt(
        activity: .restore, result: .ok, started: Timestamp(seconds: 0),
        counts: Dictionary(uniqueKeysWithValues: (0..<65).map { ("\($0)", 1) }), scope: "",
        snapshots: []),
      LogStatement.Receipt(
        activity: .restore, result: .ok, started: Timestamp(seconds: 0), counts: [:],
        digests: Dictionary(uniqueKeysWithValues: (0..<65).map { ("\($0)", Self.digest(1)) }),
        scope: "", snapshots: []),
    ] {
      let bytes = Self.statement(.receipt(long)).bytes(config: Self.config)
      #expect(throws: VarveError(.damaged, "")) {
        try LogStatement(bytes, config: Self.config, "entry")
      }
    }
    let bodies = LogStatement.Forgetting.bodies(
      forgetting: (0..<300).map(Self.digest), reason: "many")
    #expect(bodies.count == 3)
    let result = LogStatement.CheckResult(
      isDamaged: true, scope: "", counts: [:], damaged: (0..<200).map(String.init),
      started: Timestamp(seconds: 0))
    #expect(result.damaged.count == 100)
  }

  @Test func unknownKindsAndMembersAreOfANewerFormat() {
    for (old, new) in [
      ("urn:varve:forget:v1", "urn:varve:restore:v1"),
      ("urn:varve:forget:v1", "urn:varve:forget:v2"),
      (#"00Z"}"#, #"00Z","zeal":1}"#),
    ] {
      let bytes = Self.changed(Self.bodies[6], old, new)
      #expect(throws: VarveError(.unsupportedFormat, "")) {
        try LogStatement(bytes, config: Self.config, "entry")
      }
    }
  }

  @Test func keyIDs() {
    let id = KeyID(prefixOf: Digest(0x0011_2233_4455_6677, 0x8899_aabb_ccdd_eeff, 5, 6))
    #expect(id == Self.keyID)
    #expect(id.text == "00112233445566778899aabbccddeeff")
    for text in ["", "00112233445566778899AABBCCDDEEFF", "00112233445566778899aabbccddeeff00"] {
      #expect(KeyID(text: text) == nil)
    }
  }
}
