import Foundation
import Glibc
import Testing
import VarveTestThreads

/// What restores, copies and prunes leave in the log, and what of it can be shown to others.
@Suite(.onOwnThreads) struct ReceiptTests {
  private static let verifier = Tools.product("varve-verify")

  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    try here.backup()
    return here
  }

  private func receipts(_ here: Workspace) throws -> [Document] {
    let secret = here.environment.removeValue(forKey: "VARVE_KEY_FILE")
    defer { here.environment["VARVE_KEY_FILE"] = secret }
    return try here.succeed("receipt", "list", "--json").documents()
  }

  @Test func restoresLeaveThem() throws {
    let here = try prepare()
    let snapshot = try #require(try here.snapshots().first?["id"].string)
    let target = here.root + "/target"
    try here.succeed("restore", "latest", "--target", target, "--verify")
    try here.succeed("restore", "latest:" + here.source, "--target", target + "2")
    try here.succeed("restore", "latest", "--target", target + "3", "--dry-run")
    try here.succeed("restore", "latest", "--target", target + "4", "--no-receipt")
    let found = try receipts(here)
    #expect(found.map { $0["activity"].string } == ["restore", "restore"])
    #expect(found.map { $0["result"].string } == ["ok", "ok"])
    #expect(found.map { $0["scope"].string } == ["snapshot, verified", "part of a snapshot"])
    #expect(found.allSatisfy { $0["snapshots"].list.compactMap(\.string) == [snapshot] })
    #expect((found[0]["counts"]["filesVerified"].number ?? 0) > 0)
    #expect(found[0]["digests"]["tree"].string?.count == 64)
    try here.succeed("check")
    #expect(try receipts(here).last?["activity"].string == "check")
    try here.succeed("log", "verify")
    #expect(try here.succeed("log", "show").text.contains("receipt"))
  }

  @Test func aDamagedRestoreIsIncompleteAndAReaderLeavesOneToo() throws {
    let here = try prepare()
    try here.succeed("key", "add", "--new-key-file", here.root + "/reader", "--role", "reader")
    here.environment["VARVE_KEY_FILE"] = here.root + "/reader"
    let pack = try here.largestPack()
    var bytes = try here.read(pack)
    bytes[bytes.count / 2] ^= 1
    chmod(pack, 0o600)
    try here.write(bytes, to: pack)
    try here.fail(20, "restore", "latest", "--target", here.root + "/target")
    let found = try receipts(here)
    #expect(found.map { $0["result"].string } == ["incomplete"])
    #expect((found[0]["counts"]["problems"].number ?? 0) > 0)
  }

  /// Storage that takes nothing: what was asked for is done all the same.
  @Test func aRepositoryThatCannotBeWrittenGetsAWarning() throws {
    let here = try prepare()
    try here.remove(here.repository + "/tmp")
    try here.write("not a directory", to: here.repository + "/tmp")
    let target = here.root + "/target"
    let outcome = try here.succeed("restore", "latest", "--target", target)
    #expect(outcome.errors.contains("warning"), "\(outcome.errors)")
    #expect(outcome.errors.contains("receipt"), "\(outcome.errors)")
    try here.expectEqual(here.source, target + here.source)
    #expect(try receipts(here).isEmpty)
    let silent = try here.succeed("restore", "latest", "--target", target + "2", "--no-receipt")
    #expect(!silent.errors.contains("warning"), "\(silent.errors)")
  }

  @Test func copiesAndPrunesLeaveThemWhenTheyDoSomething() throws {
    let here = try prepare()
    try here.succeed("prune")
    #expect(try receipts(here).isEmpty, "there was nothing to do")
    let (first, other) = (here.repository, here.root + "/other")
    here.environment["VARVE_REPOSITORY"] = other
    let key = here.environment.removeValue(forKey: "VARVE_KEY_FILE")
    here.environment["VARVE_PASSWORD_FILE"] = here.passwordFile
    try here.succeed("init")
    for _ in 0..<2 {
      try here.succeed(
        "copy", "--from-repo", first, "--from-password-file", here.passwordFile)
    }
    let copies = try receipts(here)
    #expect(copies.map { $0["activity"].string } == ["copy"], "the second one had nothing to copy")
    #expect(
      copies.first?["snapshots"].list.compactMap(\.string)
        == (try here.snapshots().compactMap { $0["id"].string }))
    here.environment["VARVE_REPOSITORY"] = first
    here.environment["VARVE_KEY_FILE"] = key
    #expect(try receipts(here).isEmpty, "the source is only read")
    try here.write("more", to: here.source + "/more")
    try here.backup()
    try here.succeed("forget", "--keep-last", "1")
    try here.succeed("prune", "--now", "--no-receipt")
    #expect(try receipts(here).isEmpty)
    try here.write("even more", to: here.source + "/more")
    try here.backup()
    try here.succeed("forget", "--keep-last", "1", "--prune", "--now")
    let prunes = try receipts(here)
    #expect(prunes.map { $0["activity"].string } == ["prune"])
    #expect((prunes.first?["counts"]["objectsDeleted"].number ?? 0) > 0)
    try here.succeed("check", "--read-data")
  }

  @Test func anExportedReceiptIsVerifiedByOthers() throws {
    let here = try prepare()
    try here.succeed("restore", "latest", "--target", here.root + "/target")
    let index = try #require(try receipts(here).first?["index"].number)
    let key = try #require(try here.succeed("cat", "config").document()["logKey"].string)
    let file = here.root + "/receipt.json"
    here.environment["VARVE_KEY_FILE"] = nil
    try here.succeed("receipt", "export", "\(index)", "-o", file)
    try here.fail(64, "receipt", "export", "0", "-o", file + "0", saying: ["receipt list"])
    try here.fail(1, "receipt", "export", "99", "-o", file + "9")
    #expect(!here.exists(file + "0") && !here.exists(file + "9"))
    let proof = try here.succeed("log", "prove", "\(index)")
    #expect(proof.output == (try here.read(file + ".tlog-proof")))
    #expect(proof.text.hasPrefix("c2sp.org/tlog-proof@v1\nextra "))
    #expect(proof.text.contains("=\nindex \(index)\n"))
    try here.remove(here.repository)
    let shown = try here.succeed("proof", "verify", file, "--key", key, "--json").document()
    #expect(shown["kind"].string == "receipt")
    #expect(shown["predicate"]["activity"].string == "restore")
    let verified = try here.run([Self.verifier, file, "--key", key])
    #expect(verified.code == 0, "\(verified.errors)")
    // Without the author's key, as older versions wrote it, and with another key.
    let lines = proof.text.split(separator: "\n", omittingEmptySubsequences: false)
    try here.write(
      ([lines[0]] + lines[2...]).joined(separator: "\n"), to: file + ".tlog-proof")
    let bare = try here.run([Self.verifier, file, "--key", key])
    #expect(bare.code == 22 && bare.errors.contains("no key of the author"), "\(bare.errors)")
    try here.write(
      proof.text.replacing(lines[1], with: "extra \(String(repeating: "A", count: 43))="),
      to: file + ".tlog-proof")
    try here.fail(22, "proof", "verify", file, "--key", key, saying: ["author's key"])
    try here.write(proof.output, to: file + ".tlog-proof")
    // Another envelope, and the proof of another entry.
    var bytes = try here.read(file)
    bytes[20] = bytes[20] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
    try here.write(bytes, to: file)
    try here.fail(22, "proof", "verify", file, "--key", key)
    try here.write(
      proof.text.replacing("index \(index)\n", with: "index \(index - 1)\n"),
      to: file + ".tlog-proof")
    try here.fail(22, "proof", "verify", file, "--key", key)
  }
}
