import Foundation
import Glibc
import Testing
import VarveFormat
import VarveTestThreads

/// Time stamps by an authority of `openssl ts`, by a command and over HTTP.
@Suite(.onOwnThreads) struct AnchorTests {
  private let here: Workspace
  private let authority: TimestampAuthority

  init() throws {
    here = try Workspace()
    try here.makeSmallTree(files: 2, largest: 10)
    try here.succeed("init")
    try here.useKeyFile()
    try here.backup()
    authority = try TimestampAuthority(here)
  }

  @Test func aCommandIsAskedAndItsTokenKept() throws {
    let size = try here.logEntries().count
    let outcome = try here.succeed(
      "anchor", "--json", "--tsa-command", authority.command, "--tsa-ca", authority.root)
    let anchored = try outcome.message("anchored")
    #expect(anchored["size"].number == size && anchored["entry"].number == size)
    #expect(anchored["verified"].flag == true && anchored["accuracy"].number == 2)
    let entry = try #require(try here.logEntries().last)
    #expect(entry["kind"].string == "anchor")
    try here.succeed("log", "verify")
    try here.succeed("check")
    try authority.expectValid(entry["predicate"], in: here, at: anchored["time"])
    // The reader that shares no code with Varve takes the entry, too.
    let rescue = Tools.sources + "/rescue/varve_rescue.py"
    let read = try here.run(
      [Tools.python, rescue, "--password-file", here.passwordFile, here.repository, "verify"])
    #expect(read.code == 0, "\(read.errors)")
  }

  /// Without certificates it is kept as it is, and whoever has them judges it later.
  @Test func aServerIsAsked() throws {
    let server = try authority.server(here)
    let plain = try here.succeed("anchor", "--tsa", server.url + "/tsr")
    #expect(plain.errors.contains("--tsa-ca"))
    here.environment["VARVE_TSA_CA"] = authority.root
    let quiet = try here.succeed("anchor", "--tsa", server.url + "/tsr")
    #expect(!quiet.errors.contains("--tsa-ca"))
    try authority.expectValid(
      try #require(try here.logEntries().last)["predicate"], in: here, at: Document(nil))
    try server.stop()
    let before = try here.logEntries().count
    try here.fail(1, "anchor", "--tsa", server.url + "/tsr", saying: ["answer", "hint"])
    #expect(try here.logEntries().count == before)
  }

  @Test func whatIsNoAnswerGetsNowhere() throws {
    let before = try here.logEntries().count
    let other = try TimestampAuthority(here)
    try here.fail(
      22, "anchor", "--tsa-command", authority.command, "--tsa-ca", other.root,
      saying: ["not signed by an authority", "hint"])
    for (command, code, words) in [
      ("exit 7", 1, ["exit code 7", "hint"]), ("true", 20, ["no time-stamp response"]),
      ("cat", 20, ["no time-stamp response"]), ("no-such-program", 1, ["exit code 127"]),
      ("cat /dev/zero", 64, ["more than"]), ("kill -9 $$", 1, ["signal 9"]),
      ("echo hello", 20, ["no time-stamp response"]),
      // A good answer to another request.
      ("cat \(authority.oldAnswer)", 20, ["another request"]),
      (authority.refusing, 1, ["refuses", "not supported"]),
    ] as [(String, Int32, [String])] {
      try here.fail(code, "anchor", "--tsa-command", command, saying: words)
    }
    for body in ["return 500, 'text/plain', b'no'", "return 200, 'text/html', b'<html>'"] {
      let server = try here.pythonServer("def respond(method, path, body): \(body)")
      let outcome = try here.varve("anchor", "--tsa", server.url)
      #expect([1, 20].contains(outcome.code), "\(outcome.code) \(outcome.errors)")
    }
    try here.fail(64, "anchor", "--tsa", "ftp://x", saying: ["URL"])
    try here.fail(64, "anchor")
    try here.fail(64, "anchor", "--tsa", "http://x", "--tsa-command", "true")
    try here.write("none\n", to: here.root + "/none.pem")
    try here.fail(
      64, "anchor", "--tsa-command", authority.command, "--tsa-ca", here.root + "/none.pem",
      saying: ["certificate"])
    #expect(try here.logEntries().count == before)
  }

  /// A backup whose clock is two days off is between tokens that say otherwise.
  @Test func windowsTellWhatClocksDoNot() throws {
    try here.succeed("anchor", "--tsa-command", authority.command)
    try here.write("more", to: here.source + "/more")
    let dated = try here.varve(at: "-2d", "backup", here.source)
    #expect(dated.code == 0, "\(dated.errors)")
    try here.succeed("anchor", "--tsa-command", authority.command)
    try here.write("and more", to: here.source + "/more")
    try here.backup()
    let ca = ["--tsa-ca", authority.root]
    let shown = try here.varve(["log", "show", "--windows", "--json"] + ca)
    #expect(shown.code == 0, "\(shown.errors)")
    let entries = try shown.documents()
    let kinds = entries.map { $0["kind"].string }
    let first = try #require(kinds.firstIndex(of: "anchor"))
    let last = try #require(kinds.lastIndex(of: "anchor"))
    for (index, entry) in entries.enumerated() {
      #expect(entry["not_before"].exists == (index > first), "\(index)")
      #expect(entry["not_after"].exists == (index < last), "\(index)")
      let isDated = index > first && index < last
      #expect(entry["time_admitted"].flag == !isDated, "\(index)")
    }
    let table = try here.varve(["snapshots", "--windows"] + ca)
    #expect(table.code == 0, "\(table.errors)")
    #expect(table.lines.filter { $0.contains("back-dated") }.count == 1, "\(table.text)")
    let listed = try here.varve(["snapshots", "--windows", "--json"] + ca).document().list
    // The list goes by the times that the records claim.
    #expect(listed.map { $0["time_admitted"].flag } == [false, true, true])
    // Where somebody is trusted they stand in the place of the times claimed, and retention goes by both.
    let plain = try here.varve(["snapshots"] + ca)
    #expect(plain.code == 0 && plain.text == table.text, "\(plain.text)\(plain.errors)")
    #expect(try here.varve("snapshots").text.contains("Not before") == false)
    let rule = ["forget", "--dry-run", "--keep-within", "1h"]
    // That clock contradicts the log's order, too, which takes nobody's word.
    #expect(try here.varve(rule).text.contains("would forget 0 snapshots"))
    let kept = try here.varve(rule + ca)
    #expect(kept.text.contains("time not as claimed"), "\(kept.text)")
    #expect(kept.text.contains("would forget 0 snapshots"), "\(kept.text)")
    // Tokens of somebody else prove nothing, and that is said.
    let other = try TimestampAuthority(here)
    let unproved = try here.fail(
      22, "log", "show", "--windows", "--tsa-ca", other.root, saying: ["proves no time"])
    #expect(unproved.errors.components(separatedBy: "proves no time").count == 3)
    try here.fail(64, "log", "show", "--windows", saying: ["hint", "--tsa-ca"])
  }
}

/// A root and an authority below it, made for one test.
final class TimestampAuthority {
  private let directory: String
  var root: String { directory + "/ca.pem" }
  /// Answers a request on its standard input.
  var command: String { "\(reply(directory + "/tsa.cnf")) -queryfile /dev/stdin" }
  /// The same, without any digest that it would sign.
  var refusing: String { "\(reply(directory + "/refusing.cnf")) -queryfile /dev/stdin" }
  /// An answer to a request of nobody's.
  var oldAnswer: String { directory + "/old.tsr" }

  private func reply(_ configuration: String) -> String {
    "openssl ts -reply -config \(configuration)"
  }

  init(_ here: Workspace) throws {
    directory = here.root + "/tsa-\(UInt32.random(in: 0...UInt32.max))"
    let settings = Self.settings(directory)
    try here.write(settings, to: directory + "/tsa.cnf")
    try here.write(
      settings.replacing("digests=sha256", with: "digests=sha512"),
      to: directory + "/refusing.cnf")
    try here.write("01\n", to: directory + "/serial")
    let outcome = try here.run(["sh", "-ec", Self.script], directory: directory)
    try #require(outcome.code == 0, "\(outcome.errors)")
  }

  private static let script = """
    openssl req -new -x509 -newkey ed25519 -nodes -keyout ca.key -out ca.pem -subj "/CN=Test root" \
      -days 3650 -config tsa.cnf -extensions ca_ext
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa.key -out tsa.csr \
      -subj "/CN=Test authority" -config tsa.cnf
    openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 3650 \
      -extfile tsa.cnf -extensions tsa_ext
    echo hello >data
    openssl ts -query -data data -sha256 -cert -out old.tsq
    openssl ts -reply -config tsa.cnf -queryfile old.tsq -out old.tsr
    """

  private static func settings(_ directory: String) -> String {
    """
    [req]
    distinguished_name=dn
    prompt=no
    [dn]
    CN=x
    [ca_ext]
    basicConstraints=critical,CA:true
    keyUsage=critical,keyCertSign,cRLSign
    subjectKeyIdentifier=hash
    [tsa_ext]
    basicConstraints=critical,CA:false
    keyUsage=critical,digitalSignature
    extendedKeyUsage=critical,timeStamping
    [tsa]
    default_tsa=tsa1
    [tsa1]
    serial=\(directory)/serial
    signer_cert=\(directory)/tsa.pem
    signer_key=\(directory)/tsa.key
    signer_digest=sha256
    default_policy=1.2.3.4.1
    digests=sha256
    accuracy=secs:1,millisecs:500
    ess_cert_id_alg=sha256

    """
  }

  /// It answers HTTP, as RFC 3161 has it.
  func server(_ here: Workspace) throws -> Server {
    try here.pythonServer(
      """
      def respond(method, path, body):
          done = subprocess.run("\(command)", shell=True, input=body, capture_output=True)
          return 200, "application/timestamp-reply", done.stdout
      """)
  }

  /// The token of an anchor entry, judged by `openssl ts -verify` and by rfc3161-client.
  func expectValid(_ predicate: Document, in here: Workspace, at time: Document) throws {
    let token = try #require(predicate["token"].string.flatMap { Base64.decode($0) })
    let note = Array(try #require(predicate["checkpoint"].string).utf8)
    try here.write(token, to: directory + "/token")
    try here.write(note, to: directory + "/checkpoint")
    try here.write(note + [0x0a], to: directory + "/other")
    func verify(_ data: String) throws -> Outcome {
      try here.run(
        [
          "openssl", "ts", "-verify", "-data", data, "-in", "token", "-token_in", "-CAfile",
          "ca.pem",
        ], directory: directory)
    }
    let verified = try verify("checkpoint")
    #expect(verified.code == 0, "\(verified.text) \(verified.errors)")
    #expect(try verify("other").code != 0)
    let judged = try here.run(
      [Tools.judges, Tools.conformance + "/timestamp.py", "token", "checkpoint", "ca.pem"],
      directory: directory)
    #expect(judged.code == 0, "\(judged.errors)")
    if let text = time.string {
      #expect(Timestamp(text)?.seconds == Int64(judged.text.dropLast()))
    }
  }
}
