import Glibc
import Synchronization
import Testing
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// Connections that do not come about, and those that break.
@Suite(.serialized, .onOwnThreads) struct SFTPConnectionTests {
  let server: SSHServer
  let proxy: LatencyProxy
  let directory = TemporaryDirectory("varve-sftp", in: "/dev/shm")

  init() throws {
    server = try SSHServer()
    proxy = try LatencyProxy(to: server.port, roundTrip: 0)
    try server.knowHost(on: proxy.port)
    try LocalStorage(path: directory("r")).create()
  }

  private var location: SFTPLocation {
    get throws {
      try SFTPLocation("sftp://\(server.user)@127.0.0.1:\(proxy.port)/\(directory("r"))")
    }
  }

  private func storage(_ change: (inout SFTPStorage.Options) -> Void = { _ in }) throws
    -> SFTPStorage
  {
    var options = SFTPStorage.Options()
    options.arguments = server.arguments()
    change(&options)
    return SFTPStorage(try location, options: options)
  }

  /// One whose ssh writes its process number to a file.
  private func storageWithKnownProcess(
    _ change: (inout SFTPStorage.Options) -> Void = { _ in }
  ) throws -> SFTPStorage {
    let place = try location
    let words =
      ["sh", "-c", "echo $$ >> '\(directory("pids"))'; exec \"$@\"", "sh", "ssh"]
      + server.arguments()
      + ["-p", "\(proxy.port)", "-l", server.user, "-s", "--", place.host, "sftp"]
    return try storage {
      $0.command = words
      change(&$0)
    }
  }

  private var processes: [pid_t] {
    guard let file = fopen(directory("pids"), "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
      .compactMap { pid_t($0) }
  }

  private func retrying(_ store: SFTPStorage, limit: Double = 60) -> RetryStorage {
    RetryStorage(store, RetryPolicy(limit: limit, firstPause: 0.01, longestPause: 0.1))
  }

  /// Runs `body`, and `fault` in another thread once `byteCount` bytes have passed since.
  private func disturb(
    after byteCount: Int, _ fault: @escaping @Sendable () -> Void,
    during body: @escaping @Sendable () throws -> Void
  ) throws {
    let start = proxy.byteCount
    let outcome = Mutex<Result<Void, any Error>>(.success(()))
    let isOver = Atomic<Bool>(false)
    runThreads(2) { [proxy] thread in
      if thread == 0 {
        let result = Result { try body() }
        outcome.withLock { $0 = result }
        isOver.store(true, ordering: .releasing)
      } else {
        while proxy.byteCount - start < byteCount, !isOver.load(ordering: .acquiring) {
          sched_yield()
        }
        fault()
      }
    }
    try outcome.withLock { $0 }.get()
  }

  // MARK: Not coming about

  @Test func aKeyThatTheServerDoesNotKnow() throws {
    let store = try storage { $0.arguments = server.arguments(key: "stranger") }
    #expect {
      try store.put("keys/a", [1])
    } throws: { error in
      let error = error as? VarveError
      return error?.code == .forbidden && error?.message.contains("Permission denied") == true
        && error?.hint != nil
    }
  }

  @Test func aHostThatIsNotKnown() throws {
    let store = try storage { $0.arguments = server.arguments(knownHosts: "nobody") }
    #expect {
      _ = try store.read("config")
    } throws: { error in
      let error = error as? VarveError
      return error?.code == .forbidden
        && error?.message.contains("Host key verification failed") == true
    }
  }

  @Test func aHostWithAnotherKey() throws {
    let impostor = try SSHServer()
    let fake = try LatencyProxy(to: impostor.port, roundTrip: 0)
    // The other server's address, under the key of the first.
    try server.knowHost(on: fake.port)
    var options = SFTPStorage.Options()
    options.arguments = server.arguments()
    let store = SFTPStorage(
      try SFTPLocation("sftp://\(server.user)@127.0.0.1:\(fake.port)/\(directory("r"))"),
      options: options)
    #expect(throws: VarveError(.forbidden, "")) { _ = try store.read("config") }
  }

  @Test func nobodyListens() throws {
    let port = BackgroundProcess.freePort()
    let store = SFTPStorage(try SFTPLocation("sftp://127.0.0.1:\(port)/x"))
    #expect(throws: VarveError(.unavailable, "")) { _ = try store.read("config") }
  }

  @Test(arguments: [
    (
      "ssh: Could not resolve hostname x: Name or service not known", 255,
      VarveError.Code.noRepository
    ),
    ("ssh: Could not resolve hostname x: Temporary failure in name resolution", 255, .unavailable),
    ("ssh: connect to host x port 22: No route to host", 255, .unavailable),
    ("ssh: connect to host x port 22: Connection timed out", 255, .unavailable),
    ("kex_exchange_identification: Connection closed by remote host", 255, .unavailable),
    ("subsystem request failed on channel 0", 255, .forbidden),
    ("Unable to negotiate with x port 22: no matching host key type found.", 255, .forbidden),
    ("sh: 1: no-such-program: not found", 127, .forbidden),
  ])
  func whatSSHSays(words: String, exitCode: Int, code: VarveError.Code) throws {
    let store = try storage {
      $0.command = [
        "sh", "-c", "printf '%s\\033[31m\\n' \"$1\" >&2; exit $2", "sh", words, "\(exitCode)",
      ]
    }
    #expect {
      _ = try store.read("config")
    } throws: { error in
      let error = error as? VarveError
      return error?.code == code && error?.message.contains(words) == true
        && error?.message.contains("\u{1b}") == false
    }
  }

  @Test func aCommandThatIsNotThere() throws {
    let store = try storage { $0.command = ["/nonexistent/ssh"] }
    #expect(throws: VarveError(.usage, "")) { _ = try store.read("config") }
  }

  // MARK: Breaking

  @Test func sshIsKilledWhileAnObjectIsSent() throws {
    let store = try storageWithKnownProcess { $0.connections = 1 }
    let bytes = [UInt8](repeating: 5, count: 24 << 20)
    try disturb(after: 2 << 20) {
      if let process = processes.last { kill(process, SIGKILL) }
    } during: {
      try retrying(store).put("packs/00/aa", bytes)
    }
    #expect(processes.count == 2)
    #expect(try LocalStorage(path: directory("r")).read("packs/00/aa") == bytes)
  }

  @Test func sshIsKilledWhileAnObjectIsRead() throws {
    let bytes = (0..<(24 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try LocalStorage(path: directory("r")).put("packs/00/aa", bytes)
    let store = try storageWithKnownProcess { $0.connections = 1 }
    try disturb(after: 2 << 20) {
      if let process = processes.last { kill(process, SIGKILL) }
    } during: {
      let read = try retrying(store).read("packs/00/aa")
      if read != bytes { throw VarveError(.damaged, "other bytes") }
    }
    #expect(processes.count == 2)
  }

  @Test func theNetworkIsGoneForAWhile() throws {
    let store = retrying(try storage())
    let bytes = [UInt8](repeating: 6, count: 24 << 20)
    try disturb(after: 2 << 20) { [proxy] in
      proxy.set(.refusing)
      // Until it was tried in vain.
      let before = proxy.connectionCount
      while proxy.connectionCount < before + 3 { usleep(1_000) }
      proxy.set(.passing)
    } during: {
      try store.put("packs/00/aa", bytes)
      guard try store.createExclusively("log/commits/0", [1]) else {
        throw VarveError(.damaged, "there was one")
      }
    }
    #expect(try store.read("packs/00/aa") == bytes)
  }

  @Test func aNetworkThatSwallowsEverythingIsNoticed() throws {
    let store = try storage { $0.idleSeconds = 1 }
    #expect(try store.size("config") == nil)
    proxy.set(.stalling)
    #expect(throws: VarveError(.unavailable, "")) { _ = try store.size("config") }
    proxy.set(.passing)
    #expect(try store.size("config") == nil)
  }

  @Test func creationsThatAreCutOffAreResolved() throws {
    let store = retrying(try storage { $0.connections = 1 })
    for number in 0..<12 {
      let bytes = [UInt8](repeating: UInt8(number), count: 300_000)
      try disturb(after: 300_000 + number * 150) { [proxy] in
        proxy.cut()
      } during: {
        guard try store.createExclusively("log/commits/\(number)", bytes) else {
          throw VarveError(.damaged, "nobody else creates \(number)")
        }
      }
      #expect(try store.read("log/commits/\(number)") == bytes)
    }
  }

  // MARK: Processes

  @Test func sshHasASessionOfItsOwnAndDoesNotOutliveTheStore() throws {
    var store: SFTPStorage? = try storageWithKnownProcess()
    _ = try store?.size("config")
    let process = try #require(processes.last)
    #expect(getsid(process) == process)
    store = nil
    #expect(kill(process, 0) == -1)
  }

  @Test func onlyAsManyAsAreAllowed() throws {
    let store = try storageWithKnownProcess { $0.connections = 3 }
    let problems = Mutex<[String]>([])
    runThreads(12) { thread in
      for round in 0..<20 {
        do {
          try store.put("index/\(thread)-\(round)", [UInt8(thread)])
          if try store.read("index/\(thread)-\(round)") != [UInt8(thread)] {
            problems.withLock { $0.append("\(thread) reads another one's object") }
          }
        } catch {
          problems.withLock { $0.append("\(error)") }
        }
      }
    }
    #expect(problems.withLock { $0 } == [])
    #expect((1...3).contains(processes.count))
  }

  @Test func transfersKeepToARate() throws {
    let store = try storage {
      $0.upload = TransferLimit(bytesPerSecond: 4 << 20)
      $0.download = TransferLimit(bytesPerSecond: 4 << 20)
    }
    _ = try store.size("config")
    let bytes = [UInt8](repeating: 1, count: 4 << 20)
    let start = ContinuousClock.now
    try store.put("packs/00/aa", bytes)
    let afterUpload = ContinuousClock.now
    #expect(try store.read("packs/00/aa") == bytes)
    #expect(afterUpload - start > .milliseconds(900))
    #expect(ContinuousClock.now - afterUpload > .milliseconds(900))
  }

  @Test func aDelayIsPaidOncePerExchangeNotOncePerPacket() throws {
    let slow = try LatencyProxy(to: server.port, roundTrip: 0.05)
    try server.knowHost(on: slow.port)
    var options = SFTPStorage.Options()
    options.arguments = server.arguments()
    let store = SFTPStorage(
      try SFTPLocation("sftp://\(server.user)@127.0.0.1:\(slow.port)/\(directory("r"))"),
      options: options)
    let bytes = [UInt8](repeating: 1, count: 8 << 20)
    try store.put("packs/00/aa", bytes)
    let start = ContinuousClock.now
    try store.put("packs/00/ab", bytes)
    #expect(try store.read("packs/00/ab") == bytes)
    let time = ContinuousClock.now - start
    // 64 packets; waiting for each would take 3.2 s, and no answer comes sooner than a round trip.
    #expect(time > .milliseconds(300))
    #expect(time < .milliseconds(2_400))
  }
}
