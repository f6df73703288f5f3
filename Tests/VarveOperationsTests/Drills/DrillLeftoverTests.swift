import Glibc
import Testing
import Varve
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport
import VarveTestThreads

/// What a killed drill leaves, and who is there before a drill.
@Suite(.onOwnThreads) struct DrillLeftoverTests {
  private let here: DrillBench

  init() throws { here = try DrillBench() }

  /// The directory of a drill that went without a word, with a service that runs.
  private func leave(_ command: RunningCommand) throws -> String {
    let directory = try DrillDirectory(in: here.bench.directory("drills"))
    try directory.services.add(command.identifier)
    return directory.path
  }

  private func wait(until condition: () -> Bool) -> Bool {
    for _ in 0..<300 {
      if condition() { return true }
      usleep(50_000)
    }
    return condition()
  }

  @Test func servicesOfAKilledDrillAreEnded() throws {
    let service = try RunningCommand(CommandSpecification(.shell("sleep 300; true")))
    defer { _ = service.stop() }
    let left = try leave(service)
    let next = try DrillDirectory(in: here.bench.directory("drills"))
    #expect(wait { !service.isRunning })
    #expect(access(left, F_OK) != 0)
    try next.remove()
  }

  /// The number of a service that has ended may be another's by now.
  @Test func nobodyElseIsEnded() throws {
    let stranger = try RunningCommand(CommandSpecification(.shell("exec sleep 300")))
    defer { _ = stranger.stop() }
    let left = try leave(stranger)
    let line = try FileBytes.text(left + "/services")
    let fields = line.dropLast().split(separator: " ")
    #expect(fields.count == 3 && fields[1] == "\(stranger.identifier)")
    let started = try #require(UInt64(fields[2]))
    for forged in [
      "\(fields[0]) \(fields[1]) \(started + 1)\n",
      "\(String(fields[0].reversed())) \(fields[1]) \(started)\n",
      "\(fields[0]) 1 \(started)\n", "\(fields[0]) -1 \(started)\n", "\(fields[0])\n", "\n",
    ] {
      try FileBytes.write(Array(forged.utf8), to: left + "/services")
      LeftServices(path: left + "/services").end()
    }
    usleep(200_000)
    #expect(stranger.isRunning)
  }

  /// A drill that can restore nothing shows nothing.
  @Test func aDrillOfNoFileFails() throws {
    mkdir(here.bench.source("app"), 0o755)
    mkdir(here.bench.source("etc"), 0o755)
    try here.backUp()
    var drill = here.drill()
    for sample in [Drill.Sample.files(5), .percent(10), .all] {
      drill.sample = sample
      let outcome = try here.run(drill)
      #expect(!outcome.record.hasPassed)
      #expect(outcome.record.failures.map(\.kind) == [.sample])
      #expect(outcome.record.failures.first?.finding.hasSuffix("no file in app, etc") == true)
      #expect(outcome.entry?.receipt?.result == .failed)
    }
    try here.bench.write("file", to: "app/file")
    try here.backUp()
    // One of several may be empty, and is named.
    let record = try here.run(drill).record
    #expect(record.hasPassed)
    let sample = try #require(record.steps.first { $0.kind == .sample })
    #expect(sample.finding.hasSuffix("there is no file in etc"))
  }

  /// One who takes connections and says nothing would be asked instead of the service.
  @Test func whoSaysNothingIsThereAllTheSame() throws {
    try here.makeSources()
    try here.backUp()
    let (listener, port) = try silentListener()
    defer { close(listener) }
    var drill = here.drill([here.probe(port, contains: nil)])
    drill.services = [here.service(port, "sleep 60")]
    let failure = try here.run(drill).record.failures.first
    #expect(failure?.kind == .service)
    #expect(failure?.finding.contains("before it is started") == true, "\(failure?.finding ?? "")")
  }

  private func silentListener() throws -> (Int32, UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 8) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isListening else { throw VarveError(.io, "nobody can listen") }
    return (listener, UInt16(bigEndian: address.sin_port))
  }

  @Test(
    arguments: [
      ("http://127.0.0.1:8080/health", "127.0.0.1 8080"), ("https://a.example", "a.example 443"),
      ("http://a.example?b:1", "a.example 80"), ("http://[::1]:81/", "::1 81"),
      ("http://[::1]/", "::1 80"), ("HTTP://u:p@a:82#f", "a 82"), ("http://a:/", "a 80"),
      ("ftp://a/", nil), ("a:80", nil), ("http://", nil),
    ] as [(String, String?)])
  func placesOfProbes(_ url: String, _ place: String?) {
    #expect(ProbedPlace(url).map { "\($0.host) \($0.port)" } == place)
  }

  /// What forged trees say of sizes is no reason to end.
  @Test func sumsHaveABound() {
    #expect(Int64.max.addingWithoutOverflow(1) == .max)
    #expect((Int64(1) << 62).addingWithoutOverflow(1 << 62) == .max)
    #expect(Int64.min.addingWithoutOverflow(-1) == .min)
    #expect(Int64(2).addingWithoutOverflow(3) == 5)
  }
}
