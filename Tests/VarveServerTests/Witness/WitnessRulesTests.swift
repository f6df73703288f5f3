import Testing
import VarveFormat
import VarveProof
import VarveServer

/// What a witness answers, by c2sp.org/tlog-witness.
@Suite struct WitnessRulesTests {
  private let log: WitnessBench
  private let rules: WitnessRules

  init() throws {
    log = try WitnessBench(size: 20)
    rules = WitnessRules(logs: [log.key])
  }

  private func status(_ request: [UInt8], recorded: TreeHead? = nil) throws -> Int {
    switch try rules.decide(request, recorded: { _ in recorded }) {
    case .refuse(let answer), .conflict(let answer, _, _, _): answer.status
    case .cosign: 200
    }
  }

  @Test func everyGrowthIsCosignedAndNothingElse() throws {
    for old: UInt64 in 0...20 {
      let root = try #require(log.tree.root(atSize: old))
      let recorded = old == 0 ? nil : TreeHead(size: old, root: root)
      let request = try log.request(from: old)
      #expect(try status(request, recorded: recorded) == 200)
      // As though another history had been cosigned.
      if old > 0 {
        let other = TreeHead(size: old, root: Digest(1, 2, 3, old))
        #expect(try status(request, recorded: other) == (old == 20 ? 409 : 422))
      }
      for size: UInt64 in 0...20 where size != old {
        let head = TreeHead(size: size, root: try #require(log.tree.root(atSize: size)))
        let decision = try rules.decide(request, recorded: { _ in head })
        guard case .refuse(let answer) = decision else {
          Issue.record("\(decision)")
          continue
        }
        #expect(answer.status == 409 && answer.body == Array("\(size)\n".utf8))
        #expect(answer.contentType == "text/x.tlog.size")
      }
    }
  }

  @Test func proofsThatDoNotLeadThere() throws {
    let root = try #require(log.tree.root(atSize: 7))
    let recorded = TreeHead(size: 7, root: root)
    let proof = try #require(log.tree.consistencyProof(from: 7, to: 20))
    for place in proof.indices {
      var changed = proof
      changed[place] = Digest(1, 2, 3, 4)
      #expect(try status(log.request(from: 7, proof: changed), recorded: recorded) == 422)
      changed = proof
      changed.remove(at: place)
      #expect(try status(log.request(from: 7, proof: changed), recorded: recorded) == 422)
    }
    #expect(try status(log.request(from: 7, proof: proof + [root]), recorded: recorded) == 422)
    #expect(try status(log.request(from: 7, proof: []), recorded: recorded) == 422)
    // From nothing there is nothing to prove; to where one is already, neither.
    #expect(try status(log.request(from: 0, proof: [root])) == 422)
    #expect(try status(log.request(from: 20, proof: [root]), recorded: log.tree.head) == 422)
    #expect(try status(log.request(from: 20, proof: []), recorded: log.tree.head) == 200)
  }

  /// What the log signed is worth keeping where it may contradict what was recorded; certainly so only at the same size.
  @Test func whatIsAConflict() throws {
    let root = try #require(log.tree.root(atSize: 7))
    let recorded = TreeHead(size: 7, root: root)
    func decide(_ request: [UInt8], _ recorded: TreeHead?) throws -> WitnessRules.Decision {
      try rules.decide(request, recorded: { _ in recorded })
    }
    func isFork(_ decision: WitnessRules.Decision) -> Bool? {
      if case .conflict(_, _, _, let isFork) = decision { isFork } else { nil }
    }
    let same = try log.note(recorded)
    let other = try log.note(TreeHead(size: 7, root: Digest(1, 2, 3, 4)))
    #expect(try isFork(decide(log.request(from: 7, proof: [], note: other), recorded)) == true)
    #expect(try isFork(decide(log.request(from: 7, proof: [root]), recorded)) == false)
    // A wrong proof of what is recorded, or from nothing, shows nothing.
    #expect(try isFork(decide(log.request(from: 7, proof: [root], note: same), recorded)) == nil)
    #expect(try isFork(decide(log.request(from: 0, proof: [root]), nil)) == nil)
    let empty = try log.note(TreeHead(size: 0, root: root))
    #expect(try isFork(decide(log.request(from: 0, proof: [], note: empty), nil)) == true)
  }

  /// A line that comes again makes nothing else of a note.
  @Test func signaturesCountOnce() throws {
    let note = try log.note()
    let text = String(decoding: note.bytes, as: UTF8.self)
    let line = String(decoding: note.signatures[0].line, as: UTF8.self)
    let repeated = try SignedNote(Array((text + line + line).utf8), "note")
    #expect(repeated.signatures.count == 3)
    let decision = try rules.decide(
      log.request(from: 0, note: repeated), recorded: { _ in nil })
    #expect(decision == .cosign(note, Checkpoint(origin: log.origin, head: log.tree.head)))
  }

  @Test func emptyTrees() throws {
    let empty = try WitnessBench()
    #expect(try status(empty.request(from: 0)) == 200)
    let wrong = try empty.note(TreeHead(size: 0, root: Digest(1, 2, 3, 4)))
    #expect(try status(empty.request(from: 0, note: wrong)) == 409)
  }

  @Test func requestsThatAreNone() throws {
    for bytes in [[], Array("old 0\n".utf8), Array("GET / HTTP/1.1\r\n\r\n".utf8)] {
      #expect(try status(bytes) == 400)
    }
    // The old size must not be above the checkpoint's, whatever is recorded.
    let older = try log.note(TreeHead(size: 5, root: #require(log.tree.root(atSize: 5))))
    let head = TreeHead(size: 9, root: try #require(log.tree.root(atSize: 9)))
    #expect(try status(log.request(from: 9, proof: [], note: older), recorded: head) == 400)
    // A note that is no checkpoint.
    let text = try NoteMaker.note("log.example/a\nnot a size\n")
    #expect(try status(CheckpointSubmission(oldSize: 0, proof: [], note: text).bytes) == 400)
  }

  @Test func whoIsNotKnown() throws {
    let stranger = try WitnessBench("log.example/b", seed: 2, size: 3)
    #expect(try status(stranger.request(from: 0)) == 404)
    // Another key under the log's name: no signature of a known key.
    let impostor = try WitnessBench(seed: 3, size: 3)
    #expect(try status(impostor.request(from: 0)) == 403)
    // The log's own key id with a signature that is not its.
    let note = try log.note()
    let own = note.signatures[0]
    let bad = SignedNote.Signature(
      name: own.name, keyID: own.keyID, bytes: [UInt8](repeating: 7, count: 64))
    #expect(
      try status(log.request(from: 0, note: note.filtered { _ in false }.adding([bad]))) == 403)
    #expect(try status(log.request(from: 0, note: note.adding([bad]))) == 403)
  }

  /// Others may have signed, too; what is kept and cosigned has the log's signature alone.
  @Test func signaturesOfOthersAreIgnored() throws {
    let note = try log.note()
    let other = try WitnessBench("log.example/b", seed: 2).note(log.tree.head).signatures[0]
    let decision = try rules.decide(
      log.request(from: 0, note: note.adding([other])), recorded: { _ in nil })
    #expect(decision == .cosign(note, Checkpoint(origin: log.origin, head: log.tree.head)))
  }
}

/// Notes of any text, signed by the log's key.
enum NoteMaker {
  static func note(_ text: String) throws -> SignedNote {
    let bytes = Array("\(text)\n— log.example/a AAAAAAAA\n".utf8)
    return try SignedNote(bytes, "note")
  }
}
