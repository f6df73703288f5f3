import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct WitnessPolicyTests {
  static func witness(_ number: Int) throws -> WitnessKey {
    let seed = [UInt8](repeating: UInt8(number), count: 32)
    return try WitnessSigner(name: "w\(number)", seed: SecretBytes(copying: seed)).key
  }

  static func policy(_ text: String) throws -> WitnessPolicy {
    try WitnessPolicy(Array(text.utf8), "policy")
  }

  static let names = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]

  /// The example of c2sp.org/tlog-policy.
  static func example() throws -> String {
    let keys = try (1...6).map { try witness($0).text }
    return """
      # two operators
      log \(NoteTests.key) https://log.example/
      witness X1 \(keys[0])
      witness X2 \(keys[1])\thttps://x2.example/
       \t witness X3 \(keys[2])
      group X-witnesses 2 X1 X2 X3

      witness Y1 \(keys[3])
      witness Y2 \(keys[4])
      witness Y3 \(keys[5])
      group Y-witnesses any Y1 Y2 Y3

      group X-and-Y all X-witnesses Y-witnesses
      quorum X-and-Y

      """
  }

  @Test func theExample() throws {
    let policy = try Self.policy(try Self.example())
    #expect(policy.logs.map(\.key.text) == [NoteTests.key])
    #expect(policy.witnesses.map { String(decoding: $0.name, as: UTF8.self) } == Self.names)
    #expect(policy.witnesses[1].url == Array("https://x2.example/".utf8))
    #expect(policy.groups.map(\.threshold) == [2, 1, 2])
    #expect(policy.quorum == .group(2))
    #expect(try WitnessPolicy(policy.text, "policy") == policy)
    let keys = policy.witnesses.map(\.key)
    // All sets of the six.
    for set in 0..<64 {
      let cosigners = Set((0..<6).filter { set >> $0 & 1 == 1 }.map { keys[$0] })
      let isQuorum = (set & 7).nonzeroBitCount >= 2 && set >> 3 != 0
      #expect(policy.isQuorum(cosigners) == isQuorum, "\(set)")
    }
    #expect(policy.admits(try VerifierKey(text: NoteTests.key)))
    #expect(
      !policy.admits(
        try VerifierKey(text: "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop")))
  }

  @Test func noneNeedsNobody() throws {
    let policy = try Self.policy("quorum none\n")
    #expect(policy.isQuorum([]))
    #expect(policy.quorum == nil)
    #expect(policy.admits(try VerifierKey(text: NoteTests.key)))
    #expect(policy.newestTime(of: []) == nil && policy.oldestTime(of: []) == nil)
  }

  @Test func wrongLinesAreNamed() throws {
    let (one, two) = (try Self.witness(1).text, try Self.witness(2).text)
    let log = NoteTests.key
    let sameKey = try WitnessKey(name: "again", publicKey: Self.witness(1).publicKey).text
    let cases: [(text: String, line: Int)] = [
      ("", 1), ("quorum none", 1), ("quorum nobody\n", 1), ("quorum\n", 1), ("quorum none x\n", 1),
      ("quorum none\nquorum none\n", 2), ("witness a \(one)\nquorum b\n", 2),
      ("quorum a\nwitness a \(one)\n", 1), ("witness a\nquorum none\n", 1),
      ("witness a \(one) url more\nquorum none\n", 1), ("witness none \(one)\nquorum none\n", 1),
      ("witness a \(one)\nwitness a \(two)\nquorum a\n", 2),
      ("witness a \(one)\nwitness b \(one)\nquorum a\n", 2),
      ("witness a \(one)\nwitness b \(sameKey)\nquorum a\n", 2),
      ("witness a \(log)\nquorum a\n", 1), ("log \(one)\nquorum none\n", 1),
      ("log \(log)\nlog \(log)\nquorum none\n", 2), ("log\nquorum none\n", 1),
      ("witness a \(one)\ngroup g 0 a\nquorum g\n", 2),
      ("witness a \(one)\ngroup g 2 a\nquorum g\n", 2),
      ("witness a \(one)\ngroup g 01 a\nquorum g\n", 2),
      ("witness a \(one)\ngroup g +1 a\nquorum g\n", 2),
      ("witness a \(one)\ngroup g most a\nquorum g\n", 2),
      ("witness a \(one)\ngroup g any\nquorum g\n", 2),
      ("witness a \(one)\ngroup g any a a\nquorum g\n", 2),
      ("witness a \(one)\ngroup g any g\nquorum g\n", 2),
      ("witness a \(one)\ngroup a any a\nquorum a\n", 2),
      ("witness a \(one)\ngroup g any none\nquorum g\n", 2),
      ("witness a \(one)\ngroup g any a\ngroup h any a\nquorum g\n", 3),
      ("witness a \(one.dropLast())\nquorum a\n", 1), ("witness a x\nquorum a\n", 1),
      ("frob a\nquorum none\n", 1), ("Quorum none\n", 1), ("quorum none\r\n", 1),
      ("quorum none\n\u{0}\n", 2), ("quorum none\n\u{7f}\n", 2),
    ]
    for (text, line) in cases {
      let error = #expect(throws: VarveError.self, "\(text)") { try Self.policy(text) }
      #expect(error?.code == .usage, "\(text)")
      #expect(
        error?.message.contains("line \(line):") == true || text.isEmpty, "\(text): \(error!)")
    }
    #expect(throws: VarveError(.usage, "")) { try Self.policy("# nothing\n") }
    let many = (0...1_000).map { "group g\($0) any a\n" }.joined()
    #expect(throws: VarveError(.usage, "")) { try Self.policy("witness a \(one)\n\(many)") }
    let long = [UInt8](repeating: UInt8(ascii: "\n"), count: 1 << 20) + Array("quorum none\n".utf8)
    #expect(throws: VarveError(.usage, "")) { try WitnessPolicy(long, "policy") }
  }

  /// A key that signs in a way that is not known here is nothing wrong, but nobody can count it.
  @Test func keysOfOtherTypes() throws {
    let encoded = Base64.encode([6] + [UInt8](repeating: 1, count: 1312))
    let text = "witness a w+00000000+\(encoded)\nquorum a\n"
    #expect(throws: VarveError(.unsupportedFormat, "")) { try Self.policy(text) }
  }

  /// Names are octets: what looks alike is not the same, and need not be UTF-8.
  @Test func namesAreOctets() throws {
    let (one, two) = (try Self.witness(1).text, try Self.witness(2).text)
    let composed = try Self.policy(
      "witness \u{e9} \(one)\nwitness e\u{301} \(two)\nquorum \u{e9}\n")
    #expect(composed.quorum == .witness(0))
    let bytes =
      Array("witness ".utf8) + [0xff, 0xfe] + Array(" \(one)\nquorum ".utf8) + [0xff, 0xfe, 0x0a]
    let policy = try WitnessPolicy(bytes, "policy")
    #expect(policy.quorum == .witness(0))
    #expect(policy.text == bytes)
  }

  @Test func thirtyTwoOfEach() throws {
    var text = ""
    for number in 1...32 {
      let seed = [UInt8](repeating: UInt8(100 + number), count: 32)
      let log = try NoteSigner(
        name: "l\(number)", key: Ed25519SigningKey(seed: SecretBytes(copying: seed)))
      text += "log \(log.verifierKey.text)\nwitness w\(number) \(try Self.witness(number).text)\n"
      text += "group g\(number) any w\(number)\(number > 1 ? " g\(number - 1)" : "")\n"
    }
    let policy = try Self.policy(text + "quorum g32\n")
    #expect(policy.isQuorum([try Self.witness(1)]))
    #expect(!policy.isQuorum([]))
  }

  /// The time that a quorum states, against its definition, for thresholds over up to six witnesses.
  @Test func timesOfAQuorum() throws {
    var generator = SeededGenerator(seed: 11)
    let keys = try (1...6).map { try Self.witness($0) }
    let signers = (1...6).map { number in
      [UInt8](repeating: UInt8(number), count: 32)
    }
    let note = try CosignatureTests.note()
    for _ in 0..<120 {
      let count = Int.random(in: 1...6, using: &generator)
      let threshold = Int.random(in: 1...count, using: &generator)
      let names = (0..<count).map { "n\($0)" }
      let lines = (0..<count).map { "witness n\($0) \(keys[$0].text)\n" }.joined()
      let policy = try Self.policy(
        "\(lines)group g \(threshold) \(names.joined(separator: " "))\nquorum g\n")
      var times: [(Int, Int64)] = []
      for _ in 0..<Int.random(in: 0...8, using: &generator) {
        times.append(
          (Int.random(in: 0..<6, using: &generator), Int64.random(in: 1...9, using: &generator)))
      }
      let signed = try times.map { place, time in
        try WitnessSigner(name: "w\(place + 1)", seed: SecretBytes(copying: signers[place]))
          .cosign(note.text, at: time)
      }
      let found = try policy.cosignatures(on: note.adding(signed), "note")
      let newest: Int64? = (1...9).last { (time: Int64) in
        Set(times.filter { $0.0 < count && $0.1 >= time }.map(\.0)).count >= threshold
      }
      let oldest: Int64? = (1...9).first { (time: Int64) in
        Set(times.filter { $0.0 < count && $0.1 <= time }.map(\.0)).count >= threshold
      }
      #expect(policy.newestTime(of: found)?.seconds == newest)
      #expect(policy.oldestTime(of: found)?.seconds == oldest)
      #expect(policy.isQuorum(Set(found.map(\.witness))) == (newest != nil))
    }
  }
}
