import Glibc
import Synchronization
import Varve
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
public import VarveRepository

/// Tells of runs and drills whoever is to know. What cannot be told is no reason for anything to fail.
public struct Notifier: Sendable {
  /// How long one target may take, and how often it is asked.
  package struct Patience: Sendable {
    package var secondsPerAttempt: Int64 = 15
    package var attempts = 2
    /// For programs that send mail.
    package var mailSeconds: Double = 60

    package init() {}
  }

  /// Seconds that a command has which says nothing of it.
  static let commandSeconds: Double = 15

  private static let largestAnswer = 64 << 10
  private static let pingByteLimit = 10_000

  let targets: [NotificationTarget]
  private let host: String
  private let patience: Patience
  private let cancellation: CancellationFlag?

  /// - Parameters:
  ///   - host: nil for this machine's name.
  ///   - cancellation: ends commands under way when it is raised; what is told afterwards, as of the run that it ended, has
  ///     no more time than a command that says nothing of it.
  public init(
    targets: [NotificationTarget], host: String? = nil, cancellation: CancellationFlag? = nil
  ) {
    self.init(targets: targets, host: host, patience: Patience(), cancellation: cancellation)
  }

  package init(
    targets: [NotificationTarget], host: String? = nil, patience: Patience,
    cancellation: CancellationFlag? = nil
  ) {
    self.targets = targets
    self.host = host ?? String(decoding: MachineName.bytes(), as: UTF8.self)
    self.patience = patience
    self.cancellation = cancellation
  }

  /// Tells all targets that want to know, at the same time, and waits until each has heard or has had its time.
  ///
  /// - Parameters:
  ///   - event: of a `success` targets that want to know of recoveries hear as of one when `previous` was none.
  ///   - previous: the run of the same name before this one.
  /// - Returns: for each target that could not be told, why; no secrets.
  public func send(
    _ event: NotificationTarget.Event, about record: RunRecord, previous: RunRecord?
  ) -> [String] {
    send(event, Part(record: record, previous: previous), beside: [], to: targets)
  }

  func send(
    _ event: NotificationTarget.Event, _ part: Part, beside others: [RunRecord],
    to targets: [NotificationTarget]
  ) -> [String] {
    let (record, previous) = (part.record, part.previous)
    let told = targets.compactMap { target in
      Self.event(event, for: target, part).map { (target: target, event: $0) }
    }
    guard !told.isEmpty else { return [] }
    let failures = Mutex([String?](repeating: nil, count: told.count))
    let client = Result { try HTTPExchange(options) }
    try? WorkerThreads.run(count: told.count) { number in
      let (target, event) = told[number]
      let message = NotificationMessage(
        event: event, record: record, previous: previous, others: others, host: host)
      do {
        try tell(target, message, client)
      } catch {
        let text = (error as? VarveError)?.message ?? "\(error)"
        failures.withLock { $0[number] = "\(target.name) was not told of the \(event): \(text)" }
      }
    }
    return failures.withLock { $0.compactMap(\.self) }
  }

  /// A ping's service finds out by itself what is a recovery: a success is enough for it.
  private static func event(
    _ event: NotificationTarget.Event, for target: NotificationTarget, _ part: Part
  ) -> NotificationTarget.Event? {
    if event == .success, part.isRecovery, target.events.contains(.recovery) { return .recovery }
    return target.events.contains(event) ? event : nil
  }

  private var options: HTTPExchange.Options {
    var options = HTTPExchange.Options()
    options.connectSeconds = min(10, patience.secondsPerAttempt)
    options.idleSeconds = patience.secondsPerAttempt
    options.totalSeconds = patience.secondsPerAttempt
    return options
  }

  private func tell(
    _ target: NotificationTarget, _ message: NotificationMessage,
    _ client: Result<HTTPExchange, any Error>
  ) throws {
    switch target.means {
    case .webhook(let url, let headers):
      let fields =
        [(name: "content-type", value: "application/json")]
        + headers.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
      try post(url, fields, message.json, try client.get())
    case .ping(let url, let incomplete):
      try post(
        Self.ping(url, Self.suffix(message.event, incomplete)),
        [(name: "content-type", value: "text/plain; charset=utf-8")],
        Array(message.text.utf8.prefix(Self.pingByteLimit)), try client.get())
    case .mail(let to, let from, let program): try mail(message, to, from, program)
    case .command(let command):
      try run(command, message, input: message.json, "its command")
    }
  }

  private static func suffix(
    _ event: NotificationTarget.Event, _ incomplete: NotificationTarget.IncompletePing
  ) -> String? {
    switch event {
    case .start: "start"
    case .success, .recovery: nil
    case .incomplete: incomplete == .success ? nil : incomplete.rawValue
    case .failure: "fail"
    case .alarm: "log"
    }
  }

  /// The event goes behind the path: a query stays at the end.
  static func ping(_ url: String, _ suffix: String?) -> String {
    guard let suffix else { return url }
    let path = url.prefix { $0 != "?" && $0 != "#" }
    let rest = url.dropFirst(path.count)
    return "\(path.hasSuffix("/") ? path.dropLast() : path)/\(suffix)\(rest)"
  }

  private func post(
    _ url: String, _ headers: [(name: String, value: String)], _ body: [UInt8],
    _ client: HTTPExchange
  ) throws {
    let place = Self.place(url)
    var failure = VarveError(.unavailable, "\(place) was not asked")
    for attempt in 0..<max(1, patience.attempts) {
      if attempt > 0 { usleep(500_000) }
      do {
        let answer = try body.withUnsafeBytes {
          try client.send(
            HTTPExchange.Request("POST", url, headers: headers), $0,
            largestAnswer: Self.largestAnswer)
        }
        if answer.isSuccess { return }
        failure = VarveError(.unavailable, "\(place) answers \(answer.status)")
        guard answer.status >= 500 || answer.status == 429 else { break }
      } catch let error as VarveError {
        // The text of the error has the whole URL, which may be all that keeps others out.
        failure =
          switch error.code {
          case .usage: VarveError(.usage, "its URL is none that can be asked")
          case .io: VarveError(.io, "the answer of \(place) is too long")
          default: VarveError(.unavailable, "\(place) does not answer in time, or at all")
          }
        guard error.code == .unavailable else { break }
      }
    }
    throw failure
  }

  /// Scheme and host of a URL: paths and queries are often secrets.
  static func place(_ url: String) -> String {
    guard let scheme = url.firstRange(of: "://") else { return "its URL" }
    let authority = url[scheme.upperBound...].prefix { !"/?#".contains($0) }
    let host = authority.split(separator: "@").last ?? ""
    return ByteText.printable(String(url[..<scheme.upperBound] + host))
  }

  private func mail(
    _ message: NotificationMessage, _ to: [String], _ from: String?, _ program: String
  ) throws {
    let random = Hex.encode(SecureRandom.bytes(8))
    let letter = MailMessage(
      to: to, from: from ?? "varve@\(MailMessage.atom(host))", subject: message.subject,
      body: message.text,
      date: message.record.ended ?? message.record.started,
      identifier: "\(message.record.id).\(message.event.rawValue).\(random)", host: host)
    var command = CommandSpecification(.arguments([program, "-t", "-i"]))
    command.timeout = patience.mailSeconds
    try run(command, message, input: try letter.bytes(), program)
  }

  private func run(
    _ command: CommandSpecification, _ message: NotificationMessage, input: [UInt8],
    _ what: String
  ) throws {
    let record = message.record
    var environment = [
      "VARVE_EVENT": message.event.rawValue, "VARVE_ACTIVITY": record.activity.rawValue,
      "VARVE_REPOSITORY_NAME": record.repository, "VARVE_RESULT": record.result.rawValue,
      "VARVE_RUN": record.id,
    ]
    if record.activity == .backup || record.activity == .drill {
      environment["VARVE_PROFILE"] = record.name
    }
    var command = command
    let isEnding = cancellation?.isCancelled ?? false
    if isEnding { command.timeout = min(command.timeout, Self.commandSeconds) }
    let outcome = try CommandRun.run(
      command, environment: environment, input: input, outputLimit: 1 << 12,
      cancellation: isEnding ? nil : cancellation)
    if let failure = outcome.failure { throw VarveError(.io, "\(what): \(failure)") }
  }
}
