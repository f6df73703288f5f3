import Foundation
import Glibc
import Testing
import VarveTestThreads

/// Evidence that stands without the repository: made by varve, verified by varve, by varve-verify, and by a script that has
/// nothing to do with either (docs/verify-proof.py).
@Suite(.onOwnThreads) struct ProofTests {
  private static let verifier = Tools.product("varve-verify")
  private static let script = Tools.sources + "/docs/verify-proof.py"

  /// A repository with a file `contract.pdf` in a snapshot, and a second file among many small ones.
  private func prepare() throws -> (here: Workspace, key: String) {
    let here = try Workspace()
    try here.makeSmallTree()
    var generator = SeededGenerator(seed: 4)
    // Below the least length of a chunk, and above that of a block of one's own.
    try here.write(generator.bytes(500_000), to: here.source + "/deep/down/contract.pdf")
    try here.write("a \\ strange\u{1} name", to: here.source + "/deep/a \\ name\u{1}")
    try here.write("", to: here.source + "/deep/empty")
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    try here.backup()
    let config = try here.succeed("cat", "config").document()
    let key = try #require(config["logKey"].string)
    try here.write(key + "\n", to: here.root + "/log.vkey")
    return (here, key)
  }

  private func proved(_ here: Workspace, _ arguments: [String]) throws -> [Outcome] {
    [
      try here.varve(["proof", "verify"] + arguments),
      try here.run([Self.verifier] + arguments),
    ]
  }

  private func expectProved(
    _ here: Workspace, _ arguments: String..., at location: SourceLocation = #_sourceLocation
  ) throws {
    for outcome in try proved(here, arguments) {
      #expect(outcome.code == 0, "\(outcome.errors)", sourceLocation: location)
    }
  }

  private func expectRefused(
    _ here: Workspace, _ code: Int32 = 22, _ arguments: String..., saying word: String = "",
    at location: SourceLocation = #_sourceLocation
  ) throws {
    for outcome in try proved(here, arguments) {
      #expect(outcome.code == code, "\(outcome.text)\(outcome.errors)", sourceLocation: location)
      let says = word.isEmpty || outcome.errors.contains(word)
      #expect(says, "\(outcome.errors)", sourceLocation: location)
    }
  }

  @Test func aFileIsProvedWithoutRepositoryAndPassword() throws {
    let (here, key) = try prepare()
    let (proof, contract) = (here.root + "/p", here.root + "/contract.pdf")
    let path = here.source + "/deep/down/contract.pdf"
    try here.copy(path, to: contract)
    try here.succeed("proof", "create", "latest", path, "-o", proof)
    try here.succeed(
      "proof", "create", "latest:" + here.source, "deep/down/contract.pdf", "deep/empty",
      "--disclose", "path,metadata", "-o", proof + "2")
    try here.remove(here.repository)
    here.environment["VARVE_REPOSITORY"] = nil
    here.environment["VARVE_KEY_FILE"] = nil
    try expectProved(here, proof, "--key", key)
    try expectProved(here, proof, "--key", here.root + "/log.vkey", "--file", contract)
    let told = try here.succeed("proof", "verify", proof, "--key", key, "--json").document()
    #expect(told["files"].list.count == 1)
    #expect(told["files"].list.first?["path"].string == nil)
    #expect(told["files"].list.first?["size"].number == 500_000)
    let more = try here.run([Self.verifier, proof + "2", "--key", key, "--json"]).document()
    #expect(more["files"].list.map { $0["path"].string } == [path, here.source + "/deep/empty"])
    #expect(more["files"].list.first?["mode"].string == "0600")
    #expect(!String(decoding: try here.read(proof), as: UTF8.self).contains("contract"))

    // Another file, another size, another key.
    try here.write(try here.read(contract) + [0], to: contract)
    try expectRefused(here, proof, "--key", key, "--file", contract, saying: "not a file of")
    try here.write("", to: contract)
    try expectRefused(here, proof, "--key", key, "--file", contract)
    try expectProved(here, proof + "2", "--key", key, "--file", contract)
    let other = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    try expectRefused(here, proof, "--key", other, saying: "checkpoint")
    try expectRefused(here, 64, proof, "--key", "no key")
    try expectRefused(here, 64, proof)
    try expectRefused(here, 1, proof + ".none", "--key", key)
  }

  private func expectRefused(
    _ here: Workspace, _ arguments: String..., saying word: String = "",
    at location: SourceLocation = #_sourceLocation
  ) throws {
    for outcome in try proved(here, arguments) {
      #expect(outcome.code == 22, "\(outcome.text)\(outcome.errors)", sourceLocation: location)
      let says = word.isEmpty || outcome.errors.contains(word)
      #expect(says, "\(outcome.errors)", sourceLocation: location)
    }
  }

  /// Whatever is changed, all three refuse.
  @Test func aChangedProofIsRefusedByAllThree() throws {
    let (here, key) = try prepare()
    let proof = here.root + "/p"
    try here.succeed(
      "proof", "create", "latest", here.source + "/deep/a \\ name\u{1}", "--disclose",
      "path,metadata", "-o", proof)
    let text = String(decoding: try here.read(proof), as: UTF8.self)
    let script = try here.run([Tools.python, Self.script, proof, key])
    #expect(script.code == 0, "\(script.text)\(script.errors)")
    #expect(script.text.contains("a \\\\ name"))
    try expectProved(here, proof, "--key", key)
    var generator = SeededGenerator(seed: 11)
    var changes = (0..<Tools.rounds(40, soak: 2_000)).map { _ -> String in
      var bytes = Array(text.utf8)
      let place = Int.random(in: 0..<bytes.count, using: &generator)
      let digit = UInt8(ascii: "0") + UInt8(place % 10)
      bytes[place] = bytes[place] == digit ? digit ^ 1 : digit
      return String(decoding: bytes, as: UTF8.self)
    }
    // Spellings that a lenient reader would take for the same.
    changes += [
      text + "\n", " " + text, text.replacing("\"index\":0", with: "\"index\":00"),
      text.replacing("{\"authorKey\"", with: "{\"a\":0,\"authorKey\""),
      text.replacing("{\"authorKey\"", with: "{\"author\u{212a}ey\""),
      text.replacing("\"format\":", with: "\"format\":\"x\",\"format\":"),
      withoutFiles(text),
      text.replacing("\",\"payloadType\"", with: "=\",\"payloadType\""),
    ]
    // By their bytes: to Swift the same text may have others.
    for (number, changed) in changes.enumerated()
    where !changed.utf8.elementsEqual(text.utf8) {
      try here.write(changed, to: proof)
      try expectRefused(here, proof, "--key", key)
      let script = try here.run([Tools.python, Self.script, proof, key])
      #expect(script.code != 0, "\(number)")
    }
  }

  /// Signed and in the log, and of nothing.
  private func withoutFiles(_ text: String) -> String {
    guard let start = text.range(of: "\"files\":["), let end = text.range(of: ",\"format\":")
    else { return text }
    return "\(text[..<start.upperBound])]\(text[end.lowerBound...])"
  }

  /// What is before `index` in a log proof is for whoever has the proof: all three read it.
  @Test func extraDataOfALogProofIsReadByAllThree() throws {
    let (here, key) = try prepare()
    let proof = here.root + "/p"
    try here.succeed(
      "proof", "create", "latest", here.source + "/deep/empty", "-o", proof)
    let text = String(decoding: try here.read(proof), as: UTF8.self)
    let title = #""c2sp.org/tlog-proof@v1\n"#
    for (extra, isGood) in [
      (#"extra AAAA\n"#, true), (#"extra AAA\n"#, false), (#"extra AB==\n"#, false),
      (#"extra AAAA\nextra AAAA\n"#, false), (#"more AAAA\n"#, false),
    ] {
      let changed = text.replacing(title, with: title + extra)
      #expect(changed != text)
      try here.write(changed, to: proof)
      for outcome in try proved(here, [proof, "--key", key]) {
        #expect(outcome.code == (isGood ? 0 : 22), "\(extra): \(outcome.errors)")
      }
      let script = try here.run([Tools.python, Self.script, proof, key])
      #expect((script.code == 0) == isGood, "\(extra): \(script.errors)")
    }
  }

  @Test func theScriptAgreesOnFiles() throws {
    let (here, key) = try prepare()
    let proof = here.root + "/p"
    let path = here.source + "/deep/down/contract.pdf"
    try here.succeed("proof", "create", "latest", path, here.source + "/deep/empty", "-o", proof)
    for (file, code) in [
      (path, Int32(0)), (here.source + "/deep/empty", 0), (here.root + "/log.vkey", 1),
    ] {
      let outcome = try here.run([Tools.python, Self.script, proof, key, file])
      #expect(outcome.code == code, "\(file): \(outcome.text)\(outcome.errors)")
    }
    let lines = String(decoding: try here.read(Self.script), as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 61, "at most 60 lines")
  }

  /// Every command of the walk-through, as it stands in the manual.
  @Test func theWalkThroughWorks() throws {
    let (here, _) = try prepare()
    try here.copy(here.source + "/deep/down/contract.pdf", to: here.root + "/contract.pdf")
    try here.succeed(
      "proof", "create", "latest", here.source + "/deep/down/contract.pdf", "-o",
      here.root + "/contract.proof")
    try here.copy(Self.script, to: here.root + "/verify-proof.py")
    try here.remove(here.repository)
    let manual = String(
      decoding: try here.read(Tools.sources + "/docs/proofs.md"), as: UTF8.self)
    let section = try #require(manual.range(of: "## A walk-through"))
    var blocks: [Substring] = []
    var rest = manual[section.upperBound...]
    while let start = rest.range(of: "```sh\n"),
      let end = rest[start.upperBound...].range(of: "```")
    {
      blocks.append(rest[start.upperBound..<end.lowerBound])
      rest = rest[end.upperBound...]
    }
    #expect(blocks.count >= 3)
    let commands = "set -euo pipefail\n" + blocks.joined(separator: "\n")
    let outcome = try here.run(["bash", "-c", commands], directory: here.root)
    #expect(outcome.code == 0, "\(outcome.text)\(outcome.errors)")
    #expect(outcome.text.contains("Signature Verified Successfully"))
    #expect(outcome.text.contains("contract.pdf: OK"))
  }

  /// What earlier releases have made stays good.
  @Test func proofsOfEveryReleaseVerify() throws {
    let here = try Workspace()
    let proofs = Tools.sources + "/fixtures/proofs/v1"
    let key = proofs + "/log.vkey"
    for name in ["files.proof", "content.proof"] {
      try expectProved(here, "\(proofs)/\(name)", "--key", key)
    }
    // Its log proof is of before they named the author's key: nobody knows who signed it.
    let receipt = try here.run([Self.verifier, proofs + "/receipt.json", "--key", key])
    #expect(receipt.code == 22 && receipt.errors.contains("log prove"), "\(receipt.errors)")
    let shown = try here.succeed(
      "proof", "verify", proofs + "/files.proof", "--key", key, "--json"
    ).document()
    #expect(
      shown["files"].list.compactMap { $0["path"].string }
        == ["/data/documents/readme.txt", "/data/documents/empty file"])
    #expect(
      try here.succeed(
        "proof", "fetch", proofs + "/content.proof", "--key", key, "-r",
        Tools.sources + "/fixtures/repositories/v1-block-keys/repository"
      ).text.contains("the content in the repository is"))
    let text = String(decoding: try here.read(key), as: UTF8.self).dropLast()
    let script = try here.run([
      Tools.python, Self.script, proofs + "/files.proof", String(text),
    ])
    #expect(script.code == 0, "\(script.errors)")
  }

  // MARK: Content

  @Test func releasedContentIsFetchedWithoutAPassword() throws {
    let (here, key) = try prepare()
    let (proof, small) = (here.root + "/p", here.root + "/small")
    let path = here.source + "/deep/down/contract.pdf"
    try here.succeed("proof", "create", "latest", path, "--with-content-key", "-o", proof)
    try here.fail(
      1, "proof", "create", "latest", here.source + "/deep/a \\ name\u{1}", "--with-content-key",
      "-o", small, saying: ["other files", "--shared-blocks"])
    try here.succeed(
      "proof", "create", "latest", here.source + "/deep/a \\ name\u{1}", "--with-content-key",
      "--shared-blocks", "-o", small)
    here.environment["VARVE_KEY_FILE"] = nil
    try here.succeed("proof", "fetch", proof, "--key", key)
    let output = here.root + "/fetched"
    try here.succeed("proof", "fetch", proof, "--key", key, "-o", output)
    #expect(try here.read(output) == here.read(path))
    try here.succeed("proof", "fetch", small, "--key", key, "-o", output)
    #expect(try here.read(output) == Array("a \\ strange\u{1} name".utf8))
    // Damage in the released block is found, and nothing is left behind.
    unlink(output)
    let pack = try here.largestPack()
    var bytes = try here.read(pack)
    bytes[bytes.count / 2] ^= 1
    chmod(pack, 0o600)
    try here.write(bytes, to: pack)
    try here.fail(22, "proof", "fetch", proof, "--key", key, "-o", output)
    #expect(!here.exists(output))
    unlink(pack)
    try here.fail(20, "proof", "fetch", proof, "--key", key, saying: ["hint"])
  }

  /// What an older release has stored: no proof until its record has what it takes, and never its content's keys.
  @Test func olderSnapshotsAreRefusedWithARemedy() throws {
    let here = try Workspace()
    let fixture = Tools.sources + "/fixtures/repositories/v1"
    try here.copy(fixture + "/repository", to: here.repository)
    try here.copy(fixture + "/key-file", to: here.root + "/key-file")
    chmod(here.root + "/key-file", 0o600)
    here.environment["VARVE_KEY_FILE"] = here.root + "/key-file"
    here.environment["VARVE_PASSWORD_FILE"] = nil
    let file = "/data/documents/readme.txt"
    let proof = here.root + "/p"
    try here.fail(1, "proof", "create", "latest", file, "-o", proof, saying: ["varve tag"])
    try here.succeed("tag", "--add", "proved", "latest")
    try here.succeed("proof", "create", "latest", file, "-o", proof)
    let key = try #require(try here.succeed("cat", "config").document()["logKey"].string)
    try expectProved(here, proof, "--key", key)
    try here.fail(
      1, "proof", "create", "latest", file, "--with-content-key", "--shared-blocks", "-o", proof,
      saying: ["one key", "varve copy"])
  }
}
