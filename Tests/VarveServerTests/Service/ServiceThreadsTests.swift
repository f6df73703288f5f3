import Dispatch
import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveServer
import VarveTestSupport
import VarveTestThreads

@Suite(.onOwnThreads) struct ServiceThreadsTests {
  /// Pages of a repository that gives no answer hold up neither the storage API nor its tokens.
  @Test func pagesThatWaitHoldUpNoStorage() throws {
    let bench = try ServiceBench()
    try bench.makeRepository()
    mkdir(bench.directory("store"), 0o700)
    // Whoever reads the password waits for somebody to write it.
    let secret = bench.directory("secret")
    #expect(mkfifo(secret, 0o600) == 0)
    var settings = RepositorySettings(name: "far", location: bench.directory("repository"))
    settings.credential = .passwordFile(secret)
    bench.configuration.repositories["far"] = settings
    var storage = StorageServer.Options { 1_800_000_000 }
    storage.tokens = TokenFile(path: bench.directory("storage-tokens"))
    storage.refreshSeconds = 0.05
    storage.failureRate = 1e6
    try bench.start(withTokens: false) {
      $0.storage = try StorageServer(directory: bench.directory("store"), options: storage)
    }
    let pages = try (0..<20).map { _ in try RawConnection(port: bench.port) }
    defer { Self.stop(bench, releasing: secret) }
    for page in pages {
      try page.send(
        RawConnection.request("GET", "/repositories/far/snapshots/0123456789abcdef"))
    }
    pages[0].limit(seconds: 1)
    #expect(throws: VarveError(.unavailable, "")) { try pages[0].answer() }
    let made = try AccessToken.make(
      label: "web", kind: .full, repository: "web", expires: nil, now: 0)
    try TokenFile(path: bench.directory("storage-tokens")).add(made.token)
    let token = made.secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    try bench.wait("the token is not known") {
      try bench.ask("POST", "/v1/web/", token: token, body: []).status == 201
    }
    #expect(try bench.ask("GET", "/v1/web/?list=", token: token).status == 200)
    pages[1].limit(seconds: 1)
    #expect(throws: VarveError(.unavailable, "")) { try pages[1].answer() }
  }

  /// Stops it while everybody who waits for the password gets an empty one.
  private static func stop(_ bench: ServiceBench, releasing secret: String) {
    let hasStopped = Atomic<Bool>(false)
    let released = DispatchSemaphore(value: 0)
    startThread {
      while !hasStopped.load(ordering: .relaxed) {
        let file = open(secret, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        if file >= 0 { close(file) }
        usleep(5_000)
      }
      released.signal()
    }
    bench.stop()
    hasStopped.store(true, ordering: .relaxed)
    released.wait()
  }
}
