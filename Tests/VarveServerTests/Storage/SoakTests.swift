import Dispatch
import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// 64 clients that store what backups store, at the same time: nothing fails, and memory does not grow with them. Five
/// minutes with `VARVE_SOAK`, some seconds otherwise. The server is another process, so that its memory is its own.
@Suite(.serialized, .onOwnThreads) struct SoakTests {
  private struct Tally {
    var latencies: [String: [Double]] = [:]
    var bytes = 0
    var problems: [String] = []
  }

  private static let isSoak = getenv("VARVE_SOAK") != nil
  private static let clients = 64
  private static let packSize = 4 << 20

  @Test func sixtyFourClients() throws {
    let server = try ServerProcess()
    defer { server.stop() }
    let seconds = Self.isSoak ? 300.0 : 5.0
    // Made once: what is measured is the server, not the making of noise.
    let noise = Self.noise(Self.packSize + (1 << 20))
    let tally = Mutex(Tally())
    let end = Self.now + seconds
    runThreads(Self.clients) { client in
      do {
        try Self.work(client, on: server, noise, until: end, tally)
      } catch {
        tally.withLock { $0.problems.append("client \(client): \(error)") }
      }
    }
    let result = tally.withLock { $0 }
    #expect(result.problems == [], "\(result.problems.count) of them")
    let peak = try server.peakMemory()
    for (what, times) in result.latencies.sorted(by: { $0.key < $1.key }) {
      let sorted = times.sorted()
      func at(_ part: Double) -> Int { Int(sorted[Int(Double(sorted.count - 1) * part)] * 1000) }
      print(
        "server soak: \(what): \(sorted.count) times, ms p50 \(at(0.5)) p99 \(at(0.99)) max \(at(1))"
      )
    }
    print("server soak: \(result.bytes >> 20) MiB in \(Int(seconds)) s, VmHWM \(peak >> 20) MiB")
    // 64 uploads of two mebibytes, what connections hold unread, and the program itself.
    #expect(peak < 600 << 20)
    #expect(result.bytes > 0)
  }

  /// What a backup asks for, again and again: a marker, packs, an index segment, a snapshot, a commit, derived data.
  private static func work(
    _ client: Int, on server: ServerProcess, _ noise: [UInt8], until end: Double,
    _ tally: borrowing Mutex<Tally>
  ) throws {
    let store = try server.storage(of: "client-\(client % 16)", number: client)
    func timed(_ what: String, _ bytes: Int = 0, _ body: () throws -> Void) {
      let start = now
      do { try body() } catch {
        tally.withLock { $0.problems.append("client \(client), \(what): \(error)") }
      }
      let time = now - start
      tally.withLock {
        $0.latencies[what, default: []].append(time)
        $0.bytes += bytes
      }
    }
    let marker = "sessions/\(SHA256.digest(Array("\(client)".utf8)).hex.prefix(32))-start"
    var round = 0
    var last: [String] = []
    while now < end {
      timed("marker") { try store.put(marker, [10]) }
      for size in [packSize, packSize, 40_000, 3_000] {
        // Bytes that are nobody else's, without making them: a part of the noise behind a number.
        var bytes = Array(noise[round % (1 << 20)..<round % (1 << 20) + size])
        withUnsafeBytes(of: (client, round)) { bytes.replaceSubrange(0..<16, with: $0) }
        let digest = SHA256.digest(bytes)
        let name: String
        switch size {
        case packSize: name = ObjectName.pack(digest)
        case 40_000: name = ObjectName.index(digest)
        default: name = ObjectName.snapshot(digest)
        }
        timed(size == packSize ? "put of a pack" : "put of a small object", size) {
          try store.put(name, bytes)
        }
        timed("read of 64 KiB") {
          let part = try store.read(name, offset: 0, count: min(size, 64 << 10))
          guard part == Array(bytes.prefix(part.count)) else {
            throw VarveError(.damaged, "other bytes were read")
          }
        }
        last.append(name)
      }
      let number = UInt64(client) << 32 | UInt64(round)
      timed("commit") {
        guard try store.createExclusively(ObjectName.commit(number), Array("c\(number)".utf8))
        else { throw VarveError(.refused, "somebody else has commit \(number)") }
      }
      timed("checkpoint") { try store.put("log/checkpoint", Array("head \(number)".utf8)) }
      timed("marker's end") { try store.remove(marker) }
      // Old packs go behind the server's back: the test has not all the room that five minutes fill.
      while last.count > 12 { server.unlink(last.removeFirst(), of: "client-\(client % 16)") }
      round += 1
    }
  }

  private static func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 88_172_645_463_325_252
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state)
    }
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// `varve serve` with TLS, as its own process.
final class ServerProcess: Sendable {
  private let directory: TemporaryDirectory
  private let child: pid_t
  private let port: Int
  private let secrets: [String: String]

  init() throws {
    let memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil
    let directory = TemporaryDirectory(in: memory)
    self.directory = directory
    let authority = try CertificateAuthority.shared.get()
    let file = TokenFile(path: directory(".tokens"))
    var secrets: [String: String] = [:]
    for number in 0..<64 {
      let repository = "client-\(number % 16)"
      let made = try AccessToken.make(
        label: "\(number)", kind: .append, repository: repository, expires: nil, now: 0)
      try file.add(made.token)
      secrets["\(number)"] = made.secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      try LocalStorage(path: directory(repository)).create()
    }
    self.secrets = secrets
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(
      &actions, 1, directory(".output"), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let command = [
      Self.varve, "serve", "--json", "--listen", "127.0.0.1:0", "--tls-cert",
      authority.certificate, "--tls-key", authority.key, directory.path,
    ]
    var pointers: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child = pid_t()
    guard posix_spawn(&child, Self.varve, &actions, nil, &pointers, environ) == 0 else {
      throw VarveError(.io, "cannot run \(Self.varve)")
    }
    self.child = child
    var text = ""
    for _ in 0..<400 where !text.contains("\n") {
      usleep(50_000)
      text = String(decoding: try FileBytes.read(directory(".output")), as: UTF8.self)
    }
    guard let start = text.firstRange(of: "https://127.0.0.1:")?.upperBound,
      let port = Int(text[start...].prefix { $0.isNumber })
    else {
      kill(child, SIGKILL)
      throw VarveError(.io, "the server does not say where it is: \(text)")
    }
    self.port = port
  }

  /// The binary beside the tests.
  private static let varve: String = {
    if let path = getenv("VARVE_BINARY") { return String(cString: path) }
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/") + "/varve"
  }()

  func storage(of repository: String, number: Int) throws -> ServerStorage {
    var options = ServerStorage.Options()
    options.credential = try ServerCredential(
      SecretBytes(copying: Array((secrets["\(number)"] ?? "").utf8)))
    options.exchange.connections = 2
    options.exchange.authorities = try CertificateAuthority.shared.get().authority
    return try ServerStorage(
      ServerLocation("varve+https://127.0.0.1:\(port)/\(repository)"), options: options)
  }

  func unlink(_ name: String, of repository: String) {
    Glibc.unlink(directory("\(repository)/\(name)"))
  }

  /// The most memory that was resident, in bytes.
  func peakMemory() throws -> Int {
    let status = String(decoding: try FileBytes.read("/proc/\(child)/status"), as: UTF8.self)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.filter { $0.isNumber })) << 10
  }

  func stop() {
    kill(child, SIGTERM)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
  }
}
