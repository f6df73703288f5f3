import Glibc
import Synchronization
import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

@Suite struct NotifierTests {
  private func record(_ result: RunRecord.Result, message: String? = nil) -> RunRecord {
    var record = RunRecord(
      id: "00112233445566778899aabbccddeeff", activity: .backup, name: "nightly",
      repository: "offsite", started: Timestamp(seconds: 1_800_000_000), result: result)
    record.ended = Timestamp(seconds: 1_800_000_125)
    record.message = message
    var source = SourceOutcome(source: "auth", result: result)
    source.files = 3
    source.bytes = 4096
    source.message = message
    record.sources = [source]
    return record
  }

  private func notifier(
    _ means: NotificationTarget.Means, _ events: Set<NotificationTarget.Event>,
    _ patience: Notifier.Patience = Notifier.Patience()
  ) -> Notifier {
    Notifier(
      targets: [NotificationTarget(name: "ops", means: means, events: events)], host: "tokyo",
      patience: patience)
  }

  private let all = Set(NotificationTarget.Event.allCases)

  // MARK: Webhooks

  @Test func aWebhookGetsJSON() throws {
    let server = LoopbackServer { _ in LoopbackServer.Answer(204, "") }
    defer { server.stop() }
    let told = notifier(
      .webhook(
        url: "http://127.0.0.1:\(server.port)/hook?a=b", headers: ["authorization": "Bearer s3cr3t"]
      ),
      [.failure])
    let failures = told.send(
      .failure, about: record(.failure, message: "disk \"full\"\u{1b}[31m\nline"), previous: nil)
    #expect(failures.isEmpty)
    let request = try #require(server.requests.first)
    #expect(request.method == "POST")
    #expect(request.target == "/hook?a=b")
    #expect(request.header("content-type") == "application/json")
    #expect(request.header("authorization") == "Bearer s3cr3t")
    var counts = request.body
    counts.removeAll { $0 == 0x0a }
    let text = String(decoding: request.body, as: UTF8.self)
    #expect(text.contains("\"event\":\"failure\""))
    #expect(text.contains("\"name\":\"nightly\""))
    #expect(text.contains("\"host\":\"tokyo\""))
    #expect(text.contains("\"run\":\"00112233445566778899aabbccddeeff\""))
    #expect(text.contains("\"text\":\"varve: backup nightly on tokyo failed: disk"))
    #expect(!text.contains("\u{1b}"))
    #expect(counts == request.body)
  }

  @Test func onlyWhatSomebodyWantsIsSent() {
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
    defer { server.stop() }
    let told = notifier(
      .webhook(url: "http://127.0.0.1:\(server.port)/", headers: [:]), [.failure])
    for event in all.subtracting([.failure]) {
      #expect(told.send(event, about: record(.success), previous: nil).isEmpty)
    }
    #expect(server.requests.isEmpty)
  }

  @Test(arguments: [
    (RunRecord.Result.failure, true), (.started, true), (.success, false), (.incomplete, true),
  ])
  func aRecoveryIsTheFirstSuccessAfterARunThatWasNone(_ before: RunRecord.Result, _ recovers: Bool)
  {
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
    defer { server.stop() }
    let told = notifier(
      .webhook(url: "http://127.0.0.1:\(server.port)/", headers: [:]), [.success, .recovery])
    #expect(told.send(.success, about: record(.success), previous: record(before)).isEmpty)
    let body = server.requests.first.map { String(decoding: $0.body, as: UTF8.self) } ?? ""
    #expect(server.requests.count == 1)
    #expect(body.contains("\"event\":\"\(recovers ? "recovery" : "success")\""))
    server.forgetRequests()
    let one = notifier(
      .webhook(url: "http://127.0.0.1:\(server.port)/", headers: [:]), [.recovery])
    #expect(one.send(.success, about: record(.success), previous: record(before)).isEmpty)
    #expect(server.requests.count == (recovers ? 1 : 0))
  }

  @Test func anIncompleteRunIsNeitherASuccessNorARecovery() {
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
    defer { server.stop() }
    let means = NotificationTarget.Means.webhook(
      url: "http://127.0.0.1:\(server.port)/", headers: [:])
    let part = Notifier.Part(record: record(.incomplete), previous: record(.failure))
    #expect(notifier(means, [.success, .recovery, .failure]).send(aboutAll: [part]).isEmpty)
    #expect(server.requests.isEmpty)
    #expect(notifier(means, all).send(aboutAll: [part]).isEmpty)
    let body = String(decoding: server.requests.first?.body ?? [], as: UTF8.self)
    #expect(body.contains("\"event\":\"incomplete\"") && body.contains("is incomplete"))
  }

  /// What has names of files has a notice without them.
  @Test(arguments: ["webhook", "ping"])
  func whatIsToldIsTheNotice(_ kind: String) throws {
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
    defer { server.stop() }
    let url = "http://127.0.0.1:\(server.port)/"
    var told = record(.success, message: "secret-1")
    told.notice = "1 problem"
    told.sources[0].message = "secret-2"
    told.sources[0].notice = "2 problems"
    var previous = record(.incomplete, message: "secret-3")
    previous.notice = "3 problems"
    #expect(
      notifier(kind == "ping" ? .ping(url: url) : .webhook(url: url, headers: [:]), all)
        .send(.success, about: told, previous: previous).isEmpty)
    let body = String(decoding: try #require(server.requests.first).body, as: UTF8.self)
    #expect(!body.contains("secret") && body.contains("1 problem") && body.contains("2 problems"))
    #expect(body.contains("3 problems") == (kind == "ping"))
  }

  @Test func whatFailsIsSaidWithoutSecrets() {
    let server = LoopbackServer { _ in LoopbackServer.Answer(500, "no") }
    defer { server.stop() }
    var patience = Notifier.Patience()
    patience.attempts = 2
    let url = "http://user:pa55@127.0.0.1:\(server.port)/T0K3N?key=s3cr3t"
    let failures = notifier(
      .webhook(url: url, headers: ["x-token": "h1dd3n"]), [.failure], patience
    ).send(.failure, about: record(.failure), previous: nil)
    #expect(failures.count == 1)
    #expect(failures[0].hasPrefix("ops was not told of the failure"))
    #expect(failures[0].contains("500"))
    for secret in ["pa55", "T0K3N", "s3cr3t", "h1dd3n"] { #expect(!failures[0].contains(secret)) }
    // A server that is in trouble is asked again.
    #expect(server.requests.count == 2)
  }

  @Test func nobodyIsWaitedForLongerThanSaid() {
    let server = LoopbackServer { _ in
      sleep(5)
      return LoopbackServer.Answer(200, "")
    }
    defer { server.stop() }
    var patience = Notifier.Patience()
    patience.secondsPerAttempt = 1
    patience.attempts = 1
    let began = time(nil)
    let failures = notifier(
      .ping(url: "http://127.0.0.1:\(server.port)/x"), all, patience
    ).send(.start, about: record(.started), previous: nil)
    #expect(failures.count == 1)
    #expect(time(nil) - began <= 4)
  }

  @Test(arguments: ["", "nonsense", "ftp://127.0.0.1/", "http://127.0.0.1:1/x", "http://[::1", "💥"])
  func whatCannotBeAskedIsAFailureAndNoMore(_ url: String) {
    var patience = Notifier.Patience()
    patience.attempts = 1
    for means: NotificationTarget.Means in [
      .ping(url: url), .webhook(url: url, headers: ["a\nb": "c\r\nd"]),
    ] {
      #expect(
        notifier(means, all, patience).send(.success, about: record(.success), previous: nil).count
          == 1)
    }
  }

  // MARK: Pings

  @Test(arguments: [
    (NotificationTarget.Event.start, "/ping/u-u-i-d/start?k=v"), (.success, "/ping/u-u-i-d?k=v"),
    (.incomplete, "/ping/u-u-i-d/fail?k=v"), (.failure, "/ping/u-u-i-d/fail?k=v"),
    (.alarm, "/ping/u-u-i-d/log?k=v"),
  ])
  func aPingSaysInItsPathWhatHappened(_ event: NotificationTarget.Event, _ target: String) throws {
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, "OK") }
    defer { server.stop() }
    let told = notifier(.ping(url: "http://127.0.0.1:\(server.port)/ping/u-u-i-d?k=v"), all)
    #expect(told.send(event, about: record(.success), previous: record(.failure)).isEmpty)
    let request = try #require(server.requests.first)
    #expect(request.target == target)
    #expect(String(decoding: request.body, as: UTF8.self).contains("backup nightly on tokyo"))
  }

  // MARK: Programs

  @Test func mailGoesThroughAProgram() throws {
    let directory = TemporaryDirectory()
    let script = directory("sendmail")
    try FileBytes.write(
      Array(
        "#!/bin/sh\necho \"$@\" >\(directory.path)/arguments\ncat >\(directory.path)/mail\n".utf8),
      to: script)
    chmod(script, 0o755)
    let told = notifier(
      .mail(to: ["ops@example.org", "Zoë <z@example.org>"], from: nil, program: script), [.failure])
    #expect(told.send(.failure, about: record(.failure), previous: nil).isEmpty)
    #expect(try FileBytes.text(directory("arguments")) == "-t -i\n")
    let mail = try FileBytes.text(directory("mail"))
    #expect(mail.contains("\nFrom: varve@tokyo\n"))
    #expect(mail.contains("To: ops@example.org,\n =?utf-8?B?"))
    #expect(mail.contains("Subject: varve: backup nightly on tokyo failed\n"))
    #expect(mail.contains("Date: Fri, 15 Jan 2027 08:02:05 +0000\n"))

    let refused = notifier(
      .mail(to: ["ops@example.org\nBcc: all@example.org"], from: nil, program: script), [.failure]
    ).send(.failure, about: record(.failure), previous: nil)
    #expect(refused.count == 1)
    let missing = notifier(
      .mail(to: ["a@b"], from: nil, program: "/no/such/sendmail"), [.failure]
    ).send(.failure, about: record(.failure), previous: nil)
    #expect(missing.count == 1)
  }

  /// A profile's host may be any text; the sender that nobody chose is an address all the same.
  @Test(arguments: [
    ("web büro", "varve@web-b-ro"), ("a@b", "varve@a-b"), ("", "varve@localhost"),
    (String(repeating: "x", count: 250), "varve@" + String(repeating: "x", count: 200)),
  ])
  func mailHasASenderWhateverTheHostIsCalled(_ host: String, _ sender: String) throws {
    let directory = TemporaryDirectory()
    let script = directory("sendmail")
    try FileBytes.write(Array("#!/bin/sh\ncat >\(directory.path)/mail\n".utf8), to: script)
    chmod(script, 0o755)
    let target = NotificationTarget(
      name: "ops", means: .mail(to: ["ops@example.org"], from: nil, program: script),
      events: [.failure])
    let failures = Notifier(targets: [target], host: host)
      .send(.failure, about: record(.failure), previous: nil)
    #expect(failures.isEmpty, "\(failures)")
    #expect(try FileBytes.text(directory("mail")).contains("\nFrom: \(sender)\n"))
  }

  @Test func aCommandGetsTheEventAndJSON() throws {
    let directory = TemporaryDirectory()
    let command = CommandSpecification(
      .shell(
        "cat >\(directory.path)/json; echo $VARVE_EVENT $VARVE_PROFILE $VARVE_RESULT >\(directory.path)/event"
      ))
    let told = notifier(.command(command), [.alarm])
    #expect(told.send(.alarm, about: record(.success), previous: nil).isEmpty)
    #expect(try FileBytes.text(directory("event")) == "alarm nightly success\n")
    #expect(try FileBytes.text(directory("json")).contains("\"event\":\"alarm\""))
    let failing = notifier(.command(CommandSpecification(.shell("exit 3"))), [.alarm])
    let failures = failing.send(.alarm, about: record(.success), previous: nil)
    #expect(failures.count == 1 && failures[0].contains("status 3"))
  }

  /// A repository's name is no profile's.
  @Test func aCommandKnowsWhatItIsAbout() throws {
    let directory = TemporaryDirectory()
    let command = CommandSpecification(
      .shell("echo \"$VARVE_ACTIVITY:$VARVE_PROFILE:$VARVE_REPOSITORY_NAME\" >\(directory("seen"))")
    )
    var pruned = record(.failure)
    pruned.activity = .prune
    pruned.name = "offsite"
    let told = notifier(.command(command), all)
    #expect(told.send(.failure, about: pruned, previous: nil).isEmpty)
    #expect(try FileBytes.text(directory("seen")) == "prune::offsite\n")
    #expect(told.send(.failure, about: record(.failure), previous: nil).isEmpty)
    #expect(try FileBytes.text(directory("seen")) == "backup:nightly:offsite\n")
  }
}
