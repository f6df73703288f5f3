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
  ]

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

  @Test func emptyStatementsAreRefused() {
    for body: LogStatement.Body in [
      .forget(.init(snapshots: [], reason: "")), .credential(.init()),
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
    let long = Self.statement(.snapshot(.init(snapshot: .zero, additions: .listed(objects))))
    #expect(throws: VarveError(.damaged, "")) {
      try LogStatement(long.bytes(config: Self.config), config: Self.config, "entry")
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
      ("urn:varve:forget:v1", "urn:varve:condemn:v1"),
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
