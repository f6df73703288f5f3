import ArgumentParser
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRemoteStorage
import VarveRepository

struct AnchorCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "anchor",
    abstract: "Have a time-stamping authority sign the time over the newest state of the log.",
    usage: "varve anchor (--tsa <url> | --tsa-command <command>) [<options>]",
    discussion: """
      The authority (RFC 3161) sees a SHA-256 digest and nothing else. Its token becomes an entry of the \
      log and shows that whatever stands before it was there at that time. With --tsa-ca the token \
      is verified before it is kept; without, only that it answers this request.

      A command gets the request (DER) on its standard input and prints the response.

      Examples:
        varve anchor --tsa https://freetsa.org/tsr --tsa-ca freetsa.pem
        varve anchor --tsa-command 'openssl ts -reply -config tsa.cnf -queryfile /dev/stdin'
        varve log show --windows --tsa-ca freetsa.pem
      """)

  private static let largestAnswer = 1 << 20

  @Option(help: ArgumentHelp("The authority's address.", valueName: "url"))
  var tsa: String?

  @Option(
    help: ArgumentHelp(
      "A shell command that takes a request and gives a response.", valueName: "command"))
  var tsaCommand: String?

  @OptionGroup var trust: TimeTrustOptions

  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if (tsa == nil) == (tsaCommand == nil) {
      throw ValidationError("Give either --tsa or --tsa-command.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let authorities = try trust.authorities()
    let log = try RepositoryAccess(global, console).unlockedWithoutCosignatures().log
    let note = try log.signedCheckpoint()
    let size = try Checkpoint(text: note.text, ObjectName.checkpoint).head.size
    let request = try TimestampRequest(imprint: SHA256.digest(note.bytes))
    let token = try TimestampToken(
      answer: try answer(to: request), to: request, "the time-stamping authority")
    if let authorities {
      try token.verify(imprint: request.imprint, by: authorities, "the time-stamp token")
    } else {
      console.note("the token's signature was not verified: --tsa-ca would do that")
    }
    let text = String(decoding: note.bytes, as: UTF8.self)
    let entry = try log.append { _ in [.anchor(.init(checkpoint: text, token: token.bytes))] }.first
    if console.isJSON {
      try console.json {
        $0.member("message_type", "anchored")
        if let entry { $0.member("entry", entry) }
        $0.member("size", size)
        $0.member("time", token.time.utcSeconds)
        $0.member("accuracy", token.accuracy)
        $0.member("verified", authorities != nil)
      }
    } else if !console.isQuiet {
      try console.line(
        "anchored \(HumanText.count(size, "entry", "entries")) at \(token.time.utcSeconds)")
    }
    return .success
  }

  private func answer(to request: TimestampRequest) throws -> [UInt8] {
    if let tsaCommand { return try FilterCommand(command: tsaCommand).run(request.bytes) }
    let url = tsa ?? ""
    let answer = try HTTPExchange(.brief).post(
      url, request.bytes, contentType: TimestampRequest.contentType,
      largestAnswer: Self.largestAnswer)
    guard answer.isSuccess else {
      throw VarveError(.io, "\(url) answers \(answer.status): \(answer.text)")
    }
    return answer.body
  }
}
