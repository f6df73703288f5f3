import Testing
import Varve
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct AuditPolicyTests {
  private func policy(_ text: String) throws -> AuditPolicy {
    try AuditPolicy(parsing: Array(text.utf8), "policy")
  }

  @Test func readsEveryDemand() throws {
    let witness = try WitnessKey(name: "w", publicKey: [UInt8](repeating: 7, count: 32))
    let policy = try policy(
      """
      # a comment
      log varve/x+00000000+AAAA
        \t
      witness one \(witness.text) https://example.org
      quorum one
      gap\t26h
      gap 1y2m 0123456789abcdef
      gap none 01234567
      check 8d
      check 1m read-data
      receipt 3m restore
      cosigned 2d
      anchored 1m
      delay none
      grace 24h
      """ + "\r\n")
    #expect(policy.logKey == "varve/x+00000000+AAAA")
    #expect(policy.witnesses?.witnesses.map(\.key) == [witness])
    #expect(policy.cosigned == RetentionDuration(days: 2))
    #expect(policy.anchored == RetentionDuration(months: 1))
    #expect(policy.gap == RetentionDuration(hours: 26))
    #expect(policy.sourceGaps.count == 2)
    #expect(
      policy.checks == ["": RetentionDuration(days: 8), "read-data": RetentionDuration(months: 1)])
    #expect(policy.receipts == ["restore": RetentionDuration(months: 3)])
    #expect(policy.delay == nil)
    #expect(policy.grace == RetentionDuration(hours: 24))
    #expect(try self.policy("") == AuditPolicy())
    #expect(AuditPolicy().delay == AuditPolicy.usualDelay)
  }

  @Test func laterLinesCount() throws {
    #expect(try policy("gap 1d\ngap none\n").gap == nil)
    #expect(try policy("check 1d\ncheck none\n").checks.isEmpty)
    #expect(try policy("delay none\ndelay 3d").delay == RetentionDuration(days: 3))
  }

  @Test func refusesWhatItDoesNotKnow() {
    for text in [
      "gap", "gap 1", "gap 1d 0123456", "gap 1d 0123456g", "gap 1d ABCDEF01", "gap 0d",
      "gap 1d 01234567 x",
      "delay", "grace -1d", "receipt 1d", "checks 1d", "log", "log a\nlog a", "GAP 1d",
      "gap 1d \(String(repeating: "a", count: 65))", "gap 1000000d", "cosigned", "anchored 0d",
      "witness one w+0+A\nquorum one", "quorum nobody",
    ] {
      #expect(throws: VarveError(.usage, ""), "\(text)") { try policy("\n" + text) }
    }
    for bytes: [UInt8] in [[0xff], [0xc0, 0x80], Array("gap 1d".utf8) + [0xe2, 0x80]] {
      #expect(throws: VarveError(.usage, "")) { try AuditPolicy(parsing: bytes, "policy") }
    }
    let long = [UInt8](repeating: UInt8(ascii: "\n"), count: AuditPolicy.largestByteCount + 1)
    #expect(throws: VarveError(.usage, "")) { try AuditPolicy(parsing: long, "policy") }
    #expect(throws: Never.self) { try AuditPolicy(parsing: Array(long.dropLast()), "policy") }
  }

  @Test func anyBytesAreReadOrRefused() throws {
    var generator = SeededGenerator(seed: 11)
    let words = [
      "gap", "check", "log", "none", "26h", "01234567", "#", "\n", " ", "\t", "receipt", "\u{e9}",
      "quorum",
    ]
    for _ in 0..<2_000 {
      let text = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
        words.randomElement(using: &generator) ?? ""
      }.joined(separator: Bool.random(using: &generator) ? " " : "")
      do {
        _ = try policy(text)
      } catch let error as VarveError {
        #expect(error.code == .usage)
        #expect(error.hint != nil || error.message.contains("UTF-8"))
      }
    }
  }
}
