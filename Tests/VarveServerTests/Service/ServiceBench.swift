import Dispatch
import Glibc
import Synchronization
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// The operator's service in this process, over a repository with a history of a month.
final class ServiceBench {
  static let days = 30
  static let names: [[UInt8]] = [
    Array("plain.txt".utf8), Array("<b>\"&'.html".utf8), [0x66, 0xff, 0xfe],
    Array("täglich – Übersicht.csv".utf8), Array("line\nbreak".utf8),
  ]

  let directory: TemporaryDirectory
  let tokens: TokenFile
  var configuration = Configuration()
  private(set) var port = 0
  private var service: ServiceServer?
  private var serving: ServingThread?

  var client: ClientDirectories {
    ClientDirectories(cache: directory("cache"), state: directory("state"))
  }
  var readSeconds = 0.2

  init() throws {
    directory = TemporaryDirectory(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
    tokens = TokenFile(path: directory("tokens"))
    for name in ["state", "cache", "source", "source/sub", "restored"] {
      mkdir(directory(name), 0o700)
    }
    try FileBytes.write(Array("password".utf8), to: directory("password"))
    configuration.repositories["main"] = Self.settings("main", directory)
    configuration.profiles["platform"] = Self.profile(
      "platform", ["auth-db", "containers", "audit"])
    configuration.profiles["bot"] = Self.profile("bot", ["state"])
  }

  deinit { stop() }

  private static func settings(_ name: String, _ directory: TemporaryDirectory)
    -> RepositorySettings
  {
    var settings = RepositorySettings(name: name, location: directory("repository"))
    settings.credential = .passwordFile(directory("password"))
    settings.maximumUnverifiedAge = 7 * 86_400
    return settings
  }

  private static func profile(_ name: String, _ sources: [String]) -> Profile {
    var profile = Profile(name: name)
    profile.repositories = ["main"]
    profile.maximumAge = 26 * 3600
    profile.sources = sources.map { Source(name: $0, origin: .path("/srv/\($0)")) }
    return profile
  }

  func repository() throws -> UnlockedRepository {
    try Repository.open(storage: LocalStorage(path: directory("repository")))
      .unlock(
        .password(SecretBytes(copying: Array("password".utf8))),
        client: ClientDirectories(cache: nil, state: directory("state")))
  }

  func makeRepository() throws {
    var options = InitOptions(passwordCost: .least)
    options.chunkSizes = try RepositoryConfig.ChunkSizes(
      min: 4 << 10, target: 8 << 10, max: 32 << 10)
    let storage = LocalStorage(path: directory("repository"))
    try storage.create()
    try ClockShift.$current.withValue(ClockShift(date: -Int64(Self.days + 1) * 86_400)) {
      _ = try Repository.initialize(
        storage: storage, secret: .password(SecretBytes(copying: Array("password".utf8))),
        options: options, client: client)
    }
  }

  /// What was saved last, by name.
  func content(_ index: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: UInt64(index))
    return generator.bytes(index == 0 ? 700_000 : 3_000 + index)
  }

  func writeSource() throws {
    for (index, name) in Self.names.enumerated() {
      try write(content(index), Array(directory("source/").utf8) + name)
    }
    try write(Array("below".utf8), Array(directory("source/sub/below.txt").utf8))
  }

  private func write(_ bytes: [UInt8], _ path: [UInt8]) throws {
    let file = open(
      path.map { CChar(bitPattern: $0) } + [0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw VarveError(.io, "no file") }
    defer { close(file) }
    guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
      throw VarveError(.io, "no room")
    }
  }

  /// A snapshot of what is in the source's directory, of some time ago.
  func backUp(_ profile: String, _ source: String, secondsAgo: Int64) throws {
    try ClockShift.$current.withValue(ClockShift(date: -secondsAgo)) {
      var options = BackupOptions(source: .paths([Array(directory("source").utf8)]))
      options.asPath = Array("/srv/\(source)".utf8)
      options.time = WallClock.now()
      options.host = Array("node-1".utf8)
      options.tags = ["nightly"]
      options.workers = 1
      options.meta = ["profile": profile, "source": source, "set": "0123"]
      _ = try Backup.run(try IndexedRepository(try repository()), options: options)
    }
  }

  func check(secondsAgo: Int64, isDamaged: Bool = false) throws {
    try append(
      .check(
        LogStatement.CheckResult(
          isDamaged: isDamaged, scope: "read-data", counts: [:], damaged: [],
          started: Timestamp(seconds: WallClock.now().seconds - secondsAgo))),
      secondsAgo: secondsAgo)
  }

  func drill(_ name: String, secondsAgo: Int64, seconds: Int64, passes: Bool) throws {
    let id = try repository().keys.opaqueIDs().drill(
      name, ofProfile: "platform", host: MachineName.bytes())
    try append(
      .receipt(
        LogStatement.Receipt(
          activity: .drill, result: passes ? .ok : .failed,
          started: Timestamp(seconds: WallClock.now().seconds - secondsAgo),
          counts: ["milliseconds": seconds * 1_000, "recoveryPointSeconds": 3600 + seconds * 9],
          digests: ["drill": id], scope: "all", snapshots: [])),
      secondsAgo: secondsAgo)
  }

  private func append(_ body: LogStatement.Body, secondsAgo: Int64) throws {
    try ClockShift.$current.withValue(ClockShift(date: -secondsAgo)) {
      _ = try repository().log.append { _ in [body] }
    }
  }

  /// A month: nightly snapshots of three sources, of which one has stopped; checks; a drill now and then.
  func makeHistory(days: Int = ServiceBench.days) throws {
    try makeRepository()
    let day: Int64 = 86_400
    for back in stride(from: Int64(days), through: 0, by: -1) {
      var generator = SeededGenerator(seed: UInt64(back) + 1_000)
      try writeSource()
      try write(
        generator.bytes(20_000 + Int(back % 7) * 9_000), Array(directory("source/changing").utf8))
      let ago = back * day + 7_200
      try backUp("platform", "auth-db", secondsAgo: ago)
      if back % 2 == 0 { try backUp("platform", "containers", secondsAgo: ago - 60) }
      if back > 5 { try backUp("platform", "audit", secondsAgo: ago - 120) }
      if back % 6 == 1 { try check(secondsAgo: ago - 1_800) }
      if back % 5 == 2 {
        try drill(
          "databases", secondsAgo: ago - 3_600, seconds: 120 + (back * 37) % 160,
          passes: back != 17)
      }
    }
    var drill = Drill(name: "databases")
    drill.recoveryTime = 300
    drill.recoveryPoint = 86_400
    configuration.profiles["platform"]?.drills = [drill]
    configuration.profiles["platform"]?.sources[1].isSensitive = true
  }

  func journal(_ record: RunRecord) throws { try RunJournal(client: client).append(record) }

  func start(
    withTokens: Bool = true, actions: ServiceActions? = nil,
    _ change: (inout ServiceServer.Options) throws -> Void = { _ in }
  ) throws {
    var options = ServiceServer.Options { 1_800_000_000 }
    options.tokens = withTokens ? tokens : nil
    options.followsSignals = false
    options.executor = ThreadExecutor.servers
    options.refreshSeconds = 0.05
    options.readSeconds = readSeconds
    options.requestRate = 1e6
    options.failureRate = 1e6
    try change(&options)
    let reader = StatusReader(
      configuration, client: client, isInterrupted: {}, note: { _ in })
    let service = try ServiceServer(reader, actions: actions ?? .none, options: options)
    self.service = service
    let serving = try ServingThread { try service.run(host: $0, port: $1, started: $2) }
    self.serving = serving
    port = serving.port
  }

  func stop() {
    guard let service else { return }
    self.service = nil
    service.stop()
    serving?.wait()
  }

  func waitUntilReady() throws {
    try wait("the service does not become ready") { try ask("GET", "/ready").status == 200 }
  }

  func token(
    _ kind: AccessKind, for repository: String = AccessToken.serviceName, label: String? = nil
  ) throws -> String {
    let made = try AccessToken.make(
      label: label ?? "\(kind) \(UInt64.random(in: 0...UInt64.max))", kind: kind,
      repository: repository, expires: nil, now: 1_800_000_000)
    try tokens.add(made.token)
    let secret = made.secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    if service != nil, repository == AccessToken.serviceName {
      try wait("the token is not known") {
        try ask("GET", "/api/admin/jobs", token: secret).status == 200
      }
    }
    return secret
  }

  /// Until something holds.
  func wait(_ failure: String, until condition: () throws -> Bool) throws {
    for _ in 0..<4_000 {
      if try condition() { return }
      usleep(5_000)
    }
    throw VarveError(.unavailable, failure)
  }

  func ask(
    _ method: String, _ path: String, token: String? = nil, _ fields: [String] = [],
    body: [UInt8]? = nil
  ) throws -> RawConnection.Answer {
    let connection = try RawConnection(port: port)
    try connection.send(
      RawConnection.request(method, path, token: token, fields + ["Connection: close"], body: body))
    return try connection.answer(isHead: method == "HEAD")
  }

  func json(_ path: String, token: String) throws -> JSONValue {
    let answer = try ask("GET", path, token: token)
    guard answer.status == 200 else { throw VarveError(.io, "\(answer.status): \(answer.text)") }
    return try JSONText.value(answer.body)
  }
}

extension ServiceActions {
  /// Each says what it was asked.
  static var none: ServiceActions {
    ServiceActions(
      restore: { order, _, _ in
        Outcome(isGood: true, summary: "restored \(order.source)", details: .null)
      },
      drill: { profile, drill, _, _ in
        Outcome(isGood: true, summary: "\(profile)/\(drill) passed", details: .null)
      },
      audit: { repository, _, _ in
        Outcome(isGood: true, summary: "\(repository) holds", details: .null)
      })
  }
}
