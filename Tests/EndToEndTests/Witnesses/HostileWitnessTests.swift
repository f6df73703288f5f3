import Testing
import VarveTestThreads

/// Witnesses that answer whatever they like: nothing that they say gets into the log, and nothing breaks.
@Suite(.onOwnThreads) struct HostileWitnessTests {
  private let here: Workspace

  init() throws {
    here = try Workspace()
    try here.makeSmallTree(files: 2, largest: 10)
    try here.succeed("init")
    try here.useKeyFile()
    try here.backup()
  }

  /// Answers, in Python; `key` is the witness's Ed25519 private key, of a seed of nines, `name` its name.
  private static let answers = [
    "nothing": #"return 200, "text/plain", b"""#,
    "garbage": #"return 200, "text/plain", bytes(range(256)) * 9"#,
    "a note of its own": #"return 200, "text/plain", b"text\n\n\xe2\x80\x94 w AAAAAAAA\n""#,
    "another checkpoint": #"return 200, "text/plain", b"\nlog\n1\nAAAA\n\n" + line(now(), b"x")"#,
    "a stranger's line": #"return 200, "text/plain", "\u2014 w AAAAAAAA\n".encode()"#,
    "a signature of zeros": #"return 200, "text/plain", line(now(), None)"#,
    "a signature over something else": #"return 200, "text/plain", line(now(), b"x")"#,
    "no time": #"return 200, "text/plain", line(0, text(body))"#,
    "a time to come": #"return 200, "text/plain", line(now() + 3600, text(body))"#,
    "a time long gone": #"return 200, "text/plain", line(now() - 3600, text(body))"#,
    "a time beyond all": #"return 200, "text/plain", line(2**63, text(body))"#,
    "the same size": #"return 409, "text/x.tlog.size", b"0\n""#,
    "no size": #"return 409, "text/x.tlog.size", b"x\n""#,
    "a size without a type": #"return 409, "text/plain", b"1\n""#,
    "ever another size":
      #"return 409, "text/x.tlog.size", b"%d\n" % (1 if b"old 2\n" in body else 2)"#,
    "a huge size": #"return 409, "text/x.tlog.size", b"18446744073709551615\n""#,
    "a size above all": #"return 409, "text/x.tlog.size", b"18446744073709551616\n""#,
    "a fork that it cannot show": #"return 422, "text/plain", b"no\n""#,
    "too much": #"return 200, "text/plain", b"x" * (1 << 20)"#,
    "elsewhere": #"return 302, "text/plain", b"""#,
    "an error": #"return 500, "text/plain", b"\x1b[31mred\n""#,
  ]

  private static let functions = """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    name, key = "witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))
    def now(): return int(time.time())
    def text(body): return body.split(b"\\n\\n", 1)[1].rsplit(b"\\n\\n", 1)[0] + b"\\n"
    def line(seconds, message):
        signature = bytes(64) if message is None else key.sign(b"cosignature/v1\\ntime %d\\n" % seconds + message)
        raw = bytes.fromhex("24b5d9fe") + seconds.to_bytes(8, "big") + signature
        return ("\\u2014 %s %s\\n" % (name, base64.b64encode(raw).decode())).encode()
    def respond(method, path, body):

    """

  private func policy(_ server: Server) throws {
    try here.write(
      """
      log \(try here.logKey())
      witness w witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY \(server.url)/
      quorum w

      """, to: here.policyFile)
  }

  @Test(arguments: answers.keys.sorted()) func nothingThatIsNoCosignatureCounts(_ answer: String)
    throws
  {
    let server = try here.pythonServer(
      Self.functions + "    " + (try #require(Self.answers[answer])))
    try policy(server)
    let before = try here.logEntries().count
    let outcome = try here.varve("witness", "cosign", "--witness-policy", here.policyFile)
    #expect(outcome.code == 1, "\(outcome.code) \(outcome.errors)")
    #expect(outcome.errors.contains("quorum"), "\(outcome.errors)")
    #expect(!outcome.errors.contains("\u{1b}"), "\(outcome.errors)")
    #expect(try here.logEntries().count == before)
  }

  /// The same functions, honest: what the tests above leave out is what makes the difference.
  @Test func anHonestOneCounts() throws {
    let server = try here.pythonServer(
      Self.functions + "    return 200, 'text/plain', line(now(), text(body))")
    try policy(server)
    #expect(try here.cosign()["witnesses"].list.count == 1)
  }

  @Test func nobodyIsThere() throws {
    let server = try here.pythonServer(Self.functions + "    return 200, 'text/plain', b''")
    try policy(server)
    try server.stop()
    try here.fail(1, "witness", "cosign", "--witness-policy", here.policyFile, saying: ["answer"])
  }
}
