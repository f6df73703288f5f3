import Glibc
import Testing
import VarveTestThreads

/// `varve manifest`, judged by the real `sha256sum`.
@Suite(.onOwnThreads) struct ManifestTests {
  private let names = [
    "plain", "with space ", " leading", "back\\slash", "line\nfeed", "both\\\n\\n", "-", "--check",
    "carriage\rreturn", "trailing\r", "*star", "tab\t", "\u{e9}t\u{e9}", "deep/er/file\n\n",
    "#comment", "\\", "empty",
  ]

  private func prepare() throws -> Workspace {
    let here = try Workspace()
    var generator = SeededGenerator(seed: 4)
    for (number, name) in names.enumerated() {
      let size = name == "empty" ? 0 : number == 3 ? 3_000_000 : 100 * number + 1
      try here.write(generator.bytes(size), to: here.source + "/" + name)
    }
    link(here.source + "/plain", here.source + "/deep/linked")
    symlink("plain", here.source + "/symbolic")
    mkfifo(here.source + "/fifo", 0o600)
    // Sparse: its digest counts the zeros.
    let file = open(here.source + "/sparse", O_CREAT | O_WRONLY, 0o600)
    pwrite(file, "end", 3, 5_000_000)
    close(file)
    // No UTF-8.
    let raw: [CChar] = Array("\(here.source)/raw-".utf8CString.dropLast()) + [-1, -2, 0]
    close(open(raw, O_CREAT | O_WRONLY, 0o600))
    try here.initializeWithKeyFile()
    try here.backup()
    return here
  }

  private func check(_ list: [UInt8], in directory: String, _ here: Workspace) throws -> Outcome {
    try here.run(["sha256sum", "--check", "--strict"], directory: directory, input: list)
  }

  @Test func sha256sumChecksARestoredTree() throws {
    let here = try prepare()
    let list = try here.succeed("manifest", "latest:\(here.source)").output
    #expect(list.split(separator: 0x0a).count == names.count + 3)
    try here.succeed("restore", "latest:\(here.source)", "--target", here.target)
    let good = try check(list, in: here.target, here)
    #expect(good.code == 0, "\(good.text)\(good.errors)")
    #expect(good.text.split(separator: "\n").allSatisfy { $0.hasSuffix(": OK") })

    // One byte, in the file whose name needs most.
    let victim = here.target + "/both\\\n\\n"
    var bytes = try here.read(victim)
    bytes[bytes.count / 2] ^= 1
    try here.write(bytes, to: victim)
    let bad = try check(list, in: here.target, here)
    #expect(bad.code == 1)
    #expect(bad.text.split(separator: "\n").filter { $0.hasSuffix(": FAILED") }.count == 1)
  }

  @Test func theListIsTheOneThatSha256sumWrites() throws {
    let here = try prepare()
    let list = try here.succeed("manifest", "latest", "--absolute").output
    let absolute = try check(list, in: "/", here)
    #expect(absolute.code == 0, "\(absolute.errors)")
    let own = try here.run([
      "find", here.source, "-type", "f", "-exec", "sha256sum", "{}", "+",
    ])
    #expect(own.code == 0)
    #expect(
      own.output.split(separator: 0x0a).map(Array.init).sorted { $0.lexicographicallyPrecedes($1) }
        == list.split(separator: 0x0a).map(Array.init).sorted { $0.lexicographicallyPrecedes($1) })
  }

  @Test func oneFileAndJSON() throws {
    let here = try prepare()
    let one = try here.succeed("manifest", "latest:\(here.source)/plain").text
    #expect(one.hasSuffix("  plain\n"))
    let lines = try here.succeed("manifest", "--json", "latest:\(here.source)").documents()
    #expect(lines.count == names.count + 3)
    let sparse = try #require(lines.first { $0["name"].string == "sparse" })
    #expect(sparse["size"].number == 5_000_003)
    let sum = try here.run(["sha256sum", here.source + "/sparse"]).text
    #expect(sum.hasPrefix(try #require(sparse["sha256"].string)))
    #expect(lines.contains { $0["name_base64"].string != nil })
    try here.fail(1, "manifest", "latest:/nowhere", saying: ["nowhere", "hint"])
    try here.fail(1, "manifest", "latest:\(here.source)/fifo", saying: ["neither"])
  }
}
