import Glibc
import Synchronization
import Testing
import VarveTestSupport
import VarveTestThreads

/// Writers and a pruner without grace on one repository, for ten minutes in `make soak`.
@Suite(.onOwnThreads) struct StressTests {
  /// One process after another.
  private final class Slot {
    let environment: [String: String]
    let number: Int
    var round = 0
    var running: RunningProcess?
    private var began = 0.0

    init(_ number: Int, _ environment: [String: String]) {
      self.number = number
      self.environment = environment
    }

    func start(_ arguments: [String]) throws {
      running = try RunningProcess([Tools.varve] + arguments, environment: environment)
      began = monotonicSeconds()
    }

    /// What the process left, once it has ended.
    func finished(waiting milliseconds: Int32) throws -> Outcome? {
      guard let process = running else { return nil }
      guard process.ended(within: milliseconds) else {
        let isHung = monotonicSeconds() - began > 300
        if isHung { kill(process.identifier, SIGKILL) }
        try #require(!isHung, "process \(round) of \(number) hangs")
        return nil
      }
      running = nil
      return try process.wait()
    }
  }

  /// Of one request in 25, until it is over.
  private final class RandomFaults: Sendable {
    private let isOver = Atomic<Bool>(false)

    func next(_ number: Int) -> FaultProxy.Fault {
      var random = SeededGenerator(seed: UInt64(number))
      guard !isOver.load(ordering: .relaxed), Int.random(in: 0..<25, using: &random) == 0 else {
        return .pass
      }
      return FaultProxy.Fault.all[Int.random(in: 0..<FaultProxy.Fault.all.count, using: &random)]
    }

    func end() { isOver.store(true, ordering: .relaxed) }
  }

  private struct Figures {
    var backups = 0
    var prunes = 0
    var begunAgain = 0
    var peakMemory = 0
  }

  /// What a writer saves in a round. Contents come back after some rounds, and every other writer has them too, so
  /// that they are found stored while they are being pruned.
  private static func files(writer: Int, round: Int) -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for number in 0..<8 {
      let version = (round + number) / 3 % 4
      var generator = SeededGenerator(
        seed: UInt64(1 + version + 10 * number + 1000 * (writer % 3)))
      files["d\(number % 2)/f\(number)"] = generator.bytes(20_000 + 15_000 * number)
    }
    return files
  }

  @Test func writersAndAPruner() throws {
    try run(try Workspace(), writers: 6, seconds: Tools.rounds(8, soak: 600))
  }

  /// The same over S3, where one request in 25 fails in one of the ways in which networks and services do.
  @Test func writersAndAPrunerOverS3() throws {
    let here = try Workspace()
    let server = MemoryS3()
    let faults = RandomFaults()
    let proxy = FaultProxy(to: server) { number, _ in faults.next(number) }
    // Its arguments are all in the environment.
    let place = OffsitePlace(here, s3: proxy.port, [proxy, server])
    try withExtendedLifetime(place) {
      try run(here, writers: 4, seconds: Tools.rounds(10, soak: 600)) { isRacing in
        server.forgetRequests()
        guard !isRacing else { return }
        print("stress over S3: \(proxy.count) requests, one in 25 with a fault")
        #expect(proxy.count > 500)
        faults.end()
      }
    }
  }

  private func run(
    _ here: Workspace, writers writerCount: Int, seconds: Int,
    tidy: (_ isRacing: Bool) -> Void = { _ in }
  ) throws {
    try here.succeed("init")
    try here.useKeyFile()
    let seconds = Double(seconds)
    var acknowledged: [String: (writer: Int, round: Int)] = [:]
    var newest: [[String]] = Array(repeating: [], count: writerCount)
    var figures = Figures()
    let slots = (0...writerCount).map { number in
      var environment = here.environment
      environment["XDG_STATE_HOME"] = "\(here.root)/state\(number)"
      environment["XDG_CACHE_HOME"] = "\(here.root)/cache\(number)"
      return Slot(number, environment)
    }
    let writers = slots.dropLast()
    let pruner = slots[writerCount]
    let began = monotonicSeconds()
    while slots.contains(where: { $0.running != nil }) || monotonicSeconds() - began < seconds {
      tidy(true)
      let isOver = monotonicSeconds() - began >= seconds
      for slot in writers {
        if let outcome = try slot.finished(waiting: 2) {
          try #require(
            outcome.code == 0,
            "backup \(slot.round) of writer \(slot.number): \(outcome.code) \(outcome.errors)")
          let summary = try outcome.message("summary")
          let id = try #require(summary["snapshot_id"].string)
          acknowledged[id] = (slot.number, slot.round)
          newest[slot.number].append(id)
          figures.backups += 1
          figures.begunAgain += (summary["attempts"].number ?? 1) - 1
          figures.peakMemory = max(figures.peakMemory, outcome.peakMemory)
          slot.round += 1
        }
        guard slot.running == nil, !isOver else { continue }
        let source = "\(here.root)/source\(slot.number)"
        for (name, bytes) in Self.files(writer: slot.number, round: slot.round) {
          if (try? here.read("\(source)/\(name)")) != bytes {
            try here.write(bytes, to: "\(source)/\(name)")
          }
        }
        try slot.start([
          "backup", source, "--as-path", "/data", "--host", "h\(slot.number)", "--json",
        ])
      }
      if let outcome = try pruner.finished(waiting: 2) {
        try #require(outcome.code == 0, "prune or forget: \(outcome.code) \(outcome.errors)")
        figures.prunes += pruner.round % 2
        figures.peakMemory = max(figures.peakMemory, outcome.peakMemory)
        pruner.round += 1
      }
      guard pruner.running == nil, !isOver else { continue }
      try pruner.start(
        pruner.round % 2 == 0
          ? ["forget", "--keep-last", "2", "--group-by", "host"]
          : ["prune", "--now", "--max-unused", "0"])
    }
    #expect(figures.backups > writerCount && figures.prunes > 0)
    print(
      "stress: \(figures.backups) backups, \(figures.prunes) prunes, \(figures.begunAgain) "
        + "backups begun again, peak memory \(figures.peakMemory >> 20) MiB")
    tidy(false)
    try Self.expectAll(here, acknowledged, newest)
    try here.succeed("prune", "--now")
    try here.succeed("prune", "--now")
    try Self.expectAll(here, acknowledged, newest)
    let check = try here.varve("check", "--read-data")
    #expect(check.code == 0, "\(check.text) \(check.errors)")
  }

  /// Every snapshot that is listed restores to what its writer saved; the last two of each writer are listed.
  private static func expectAll(
    _ here: Workspace, _ acknowledged: [String: (writer: Int, round: Int)], _ newest: [[String]]
  ) throws {
    let live = try here.snapshots().compactMap { $0["id"].string }
    for ids in newest { #expect(ids.suffix(2).allSatisfy(live.contains)) }
    for id in live {
      let (writer, round) = try #require(acknowledged[id], "nobody was told of \(id)")
      let target = "\(here.target)-\(id.prefix(8))"
      try here.succeed("restore", "\(id):/data", "--target", target)
      for (name, bytes) in files(writer: writer, round: round) {
        #expect(try here.read("\(target)/\(name)") == bytes, "\(name) of \(id)")
      }
      try here.remove(target)
    }
  }
}
