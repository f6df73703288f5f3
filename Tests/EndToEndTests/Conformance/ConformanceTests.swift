import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestThreads

/// Other people's programs judge what Varve writes: Go's sumdb/tlog and sumdb/note, securesystemslib, openssl.
@Suite(.onOwnThreads) struct ConformanceTests {
  /// All inclusion and consistency proofs of trees of up to 300 leaves; Go changes each of them in every hash, index and
  /// size, and refuses it.
  @Test func everyProofOfATreeOfThreeHundredVerifiesInGo() throws {
    let here = try Workspace()
    let largest: UInt64 = 300
    var tree = MerkleTree()
    for number in 0..<largest { tree.append(entry: Array("entry \(number)".utf8)) }
    var lines = ""
    func text(_ proof: [Digest]) -> String {
      proof.isEmpty ? "-" : proof.map(\.hex).joined(separator: ",")
    }
    for size in 1...largest {
      lines += "R \(size) \(try #require(tree.root(atSize: size)).hex)\n"
    }
    for size in 1...largest {
      for index in 0..<size {
        let leaf = try #require(tree.leafHash(index)).hex
        let proof = try #require(tree.inclusionProof(index: index, size: size))
        lines += "I \(index) \(size) \(leaf) \(text(proof))\n"
        let consistency = try #require(tree.consistencyProof(from: index + 1, to: size))
        lines += "C \(index + 1) \(size) \(text(consistency))\n"
      }
    }
    try here.write(lines, to: here.root + "/proofs")
    let outcome = try here.run([try here.judge(), "proofs", here.root + "/proofs"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let count = Int(largest * (largest + 1))
    #expect(outcome.text.hasPrefix("\(count) right "), "\(outcome.text)")
    #expect(try #require(Int(outcome.text.split(separator: " ")[2])) > 10 * count)
    // It does say no.
    let root = try #require(tree.root(atSize: 7)).hex
    for line in [
      "C 3 7 \(text(try #require(tree.consistencyProof(from: 2, to: 7))))",
      "I 2 7 \(try #require(tree.leafHash(3)).hex) \(text(tree.inclusionProof(index: 2, size: 7)!))",
    ] {
      try here.write(
        "R 7 \(root)\nR 3 \(try #require(tree.root(atSize: 3)).hex)\n\(line)\n",
        to: here.root + "/wrong")
      #expect(try here.run([here.judge(), "proofs", here.root + "/wrong"]).code == 1)
    }
  }

  /// A published log, across the border of a tile: signature, tiles and every entry, by Go; each entry's envelope by
  /// securesystemslib.
  @Test func aPublishedLogIsReadByGoAndSecuresystemslib() throws {
    let here = try Workspace()
    try here.makeSmallTree(files: 1, largest: 10)
    try here.succeed("init")
    try here.useKeyFile()
    try here.backup()
    try fill(here, entries: Tools.rounds(500, soak: 5_000))
    let published = here.root + "/published"
    try here.succeed("log", "publish", published)
    let key = try here.logKey()
    let outcome = try here.run([try here.judge(), "log", published, key])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let count = try #require(Int(outcome.text.split(separator: " ").first ?? ""))
    #expect(count > 256)
    try judgeEnvelopes(here, count)

    // Somebody else's key, and a changed tile.
    let other = try Workspace()
    try other.succeed("init")
    #expect(try here.run([here.judge(), "log", published, other.logKey()]).code == 1)
    for name in ["tile/0/000", "tile/entries/000", "checkpoint"] {
      let path = published + "/" + name
      let good = try here.read(path)
      var bad = good
      bad[bad.count / 2] ^= 1
      try here.write(bad, to: path)
      #expect(try here.run([here.judge(), "log", published, key]).code == 1, "\(name)")
      try here.write(good, to: path)
    }
  }

  /// Entries that cost little, in commits of ten.
  private func fill(_ here: Workspace, entries: Int) throws {
    let client = ClientDirectories(cache: nil, state: here.root + "/filler")
    let password = SecretBytes(copying: Array(here.password.utf8))
    let log = try Repository.open(storage: LocalStorage(path: here.repository))
      .unlock(.password(password), client: client).log
    for commit in 0..<entries / 10 {
      try log.append { _ in
        (0..<10).map { number in
          .check(
            .init(
              isDamaged: false, scope: "\(commit) \(number)", counts: [:], damaged: [],
              started: Timestamp(seconds: 0)))
        }
      }
    }
  }

  private func judgeEnvelopes(_ here: Workspace, _ count: Int) throws {
    var keys: [String: String] = [:]
    func learn(_ key: [UInt8]) { keys[KeyID(publicKey: key).text] = Hex.encode(key) }
    let config = String(decoding: try here.read(here.repository + "/config"), as: UTF8.self)
    let first = try Document(parsing: try #require(config.split(separator: "\n").first))
    learn(try #require(first["authorKey"].string.flatMap { Base64.decode($0) }))
    var lines = ""
    for (index, entry) in try here.logEntries().enumerated() {
      for added in entry["predicate"]["add"].list {
        learn(try #require(added["authorKey"].string.flatMap { Base64.decode($0) }))
      }
      let author = try #require(entry["author"].string)
      // Of the long row of checks a sample.
      guard index < 20 || index.isMultiple(of: 16) else { continue }
      let envelope = try here.succeed("cat", "entry", "\(index)").text.split(separator: "\n")[0]
      lines += "{\"envelope\":\(envelope),\"key\":\"\(try #require(keys[author]))\"}\n"
    }
    try here.write(lines, to: here.root + "/envelopes")
    let outcome = try here.run(
      [Tools.judges, Tools.conformance + "/dsse.py", here.root + "/envelopes"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(Int(outcome.text.dropLast()) == lines.split(separator: "\n").count)
  }

  /// A cosignature, taken apart by the rules of tlog-cosignature and verified by `openssl pkeyutl`.
  @Test func cosignaturesVerifyInOpenSSL() throws {
    let here = try Workspace()
    try here.makeSmallTree(files: 1, largest: 10)
    try here.succeed("init")
    try here.useKeyFile()
    try here.backup()
    let witness = try WitnessHost(here, "w1", logs: [try here.logKey()])
    try here.writePolicy(1, [witness])
    try here.cosign()
    let predicate = try #require(try here.logEntries().last)["predicate"]
    let note = try #require(predicate["checkpoint"].string)
    let parts = note.split(separator: "\n\n", maxSplits: 1)
    let line = try #require(parts[1].split(separator: "\n").last)
    let raw = try #require(Base64.decode(String(line.split(separator: " ")[2])))
    #expect(raw.count == 4 + 8 + 64)
    let time = raw[4..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let text = String(parts[0]) + "\n"
    try here.write("cosignature/v1\ntime \(time)\n\(text)", to: here.root + "/message")
    try here.write("cosignature/v1\ntime \(time + 1)\n\(text)", to: here.root + "/other")
    try here.write(Array(raw[12...]), to: here.root + "/signature")
    let fields = witness.key.split(separator: "+", maxSplits: 2)
    let key = try #require(Base64.decode(String(fields[2])))
    #expect(key[0] == 4)
    #expect(Hex.encode(Array(raw[..<4])) == fields[1])
    // SubjectPublicKeyInfo of Ed25519 (RFC 8410).
    let info = try #require(Hex.decode("302a300506032b6570032100")) + key.dropFirst()
    try here.write(info, to: here.root + "/key.der")
    func verify(_ message: String) throws -> Int32 {
      try here.run(
        [
          "openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey",
          "key.der", "-sigfile", "signature", "-in", message,
        ], directory: here.root
      ).code
    }
    #expect(try verify("message") == 0)
    #expect(try verify("other") != 0)
  }
}

extension Workspace {
  /// The judge in Go, built once for all tests.
  func judge() throws -> String { try GoJudge.path.get() }
}

private enum GoJudge {
  static let path = Result<String, any Error> {
    let here = try Workspace()
    let build = Tools.sources + "/.build"
    here.environment["GO111MODULE"] = "off"
    here.environment["GOPATH"] = "/usr/share/gocode"
    here.environment["GOCACHE"] = build + "/go"
    let outcome = try here.run(
      ["go", "build", "-o", build + "/tlog-judge", Tools.conformance + "/tlog.go"])
    guard outcome.code == 0 else {
      throw SpawnFailure(description: "scripts/install-requirements --judges? \(outcome.errors)")
    }
    return build + "/tlog-judge"
  }
}
