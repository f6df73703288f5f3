import Foundation
import Glibc
import Synchronization
import Testing
import VarveTestSupport
import VarveTestThreads

/// Commands whose requests to S3 fail in all the ways in which networks and services do.
@Suite(.onOwnThreads) struct NetworkFaultTests {
  /// The fault of the request that has the number.
  private final class Plan: Sendable {
    let target = Mutex<(number: Int, fault: FaultProxy.Fault)?>(nil)
    let count = Mutex(0)

    func begin(_ number: Int, _ fault: FaultProxy.Fault) {
      count.withLock { $0 = 0 }
      target.withLock { $0 = (number, fault) }
    }

    func judge() -> FaultProxy.Fault {
      let number = count.withLock { count in
        defer { count += 1 }
        return count
      }
      return target.withLock { $0?.number == number ? $0?.fault : nil } ?? .pass
    }
  }

  private let here: Workspace
  private let server = MemoryS3()
  private let plan = Plan()
  private let place: OffsitePlace

  init() throws {
    here = try Workspace()
    let plan = plan
    let proxy = FaultProxy(to: server) { _, _ in plan.judge() }
    place = OffsitePlace(here, s3: proxy.port, [proxy, server])
    try here.makeSmallTree(seed: 11, files: 6, largest: 40_000)
    try place.succeed("init")
    try place.succeed("key", "add", "--new-key-file", here.root + "/key")
    here.environment["VARVE_KEY_FILE"] = here.root + "/key"
    here.environment["VARVE_PASSWORD_FILE"] = nil
  }

  /// Runs `act` again and again, each time with a fault at the next of its requests, until it makes no more.
  private func atEveryRequest(_ act: (Int) throws -> Void) throws -> Int {
    var number = 0
    var faults = Tools.soak ? FaultProxy.Fault.all : []
    while number < 400 {
      if faults.isEmpty { faults = [FaultProxy.Fault.all[number % FaultProxy.Fault.all.count]] }
      var isOver = false
      for fault in faults {
        plan.begin(number, fault)
        try act(number)
        isOver = plan.count.withLock { $0 } <= number
      }
      plan.target.withLock { $0 = nil }
      if isOver { return number }
      if !Tools.soak { faults = [] }
      number += 1
    }
    Issue.record("more requests than there can be")
    return number
  }

  @Test func aBackup() throws {
    var saved = 0
    let requests = try atEveryRequest { number in
      try here.write("version \(number) \(saved)", to: here.source + "/dir0/file0")
      try place.succeed("backup", here.source, "--host", "host\(saved)")
      saved += 1
      // No state of its own is lost either: the client can tell a rollback.
      #expect(try place.succeed("snapshots", "--json").document().list.count == saved)
    }
    #expect(requests > 5)
    try place.succeed("check", "--read-data")
    try place.expectRestores()
    #expect(server.uploadCount == 0)
  }

  @Test func aPrune() throws {
    try place.succeed("backup", here.source)
    let requests = try atEveryRequest { number in
      plan.target.withLock { $0?.number += 1_000_000 }
      try here.write(
        "version \(number) \(UInt32.random(in: 0...UInt32.max))", to: here.source + "/dir0/file0")
      try place.succeed("backup", here.source)
      try place.succeed("forget", "--keep-last", "1")
      plan.count.withLock { $0 = 0 }
      plan.target.withLock { $0?.number -= 1_000_000 }
      try place.succeed("prune", "--now", "--max-unused", "0")
    }
    #expect(requests > 5)
    try place.succeed("check", "--read-data")
    try place.expectRestores()
    // Nothing that is not named is left.
    let left = try place.succeed("check", "--json").text
    #expect(!left.contains("unreferenced\":[{"))
  }

  @Test func aRestore() throws {
    try place.succeed("backup", here.source)
    let requests = try atEveryRequest { _ in
      try? here.remove(here.root + "/cache")
      try? here.remove(here.root + "/state")
      // Receipts would make the log longer each time.
      try place.expectRestores("--no-receipt")
    }
    #expect(requests > 5)
  }

  /// The network is gone for a while, in the middle of a backup: it takes as much longer.
  @Test func anOutageOnlyDelays() throws {
    let proxy = try LatencyProxy(to: server.port, roundTrip: 0.02)
    let far = OffsitePlace(here, s3: proxy.port, [proxy])
    try here.write(
      [UInt8](repeating: 7, count: 1), to: here.source + "/one")
    var generator = SeededGenerator(seed: 12)
    for number in 0..<8 {
      try here.write(generator.bytes(4 << 20), to: here.source + "/big\(number)")
    }
    let seconds = Tools.soak ? 60.0 : 3.0
    let running = try here.start("backup", here.source, "--limit-upload", "16M")
    usleep(900_000)
    let sent = server.objects.count
    proxy.set(.refusing)
    usleep(UInt32(seconds * 1_000_000))
    proxy.set(.passing)
    let outcome = try running.wait(limit: 120)
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(sent < server.objects.count, "it was not over yet")
    try far.expectRestores()
    try far.succeed("check", "--read-data")
  }

  /// For good: a clear error, and what is sent afterwards is what was not there yet.
  @Test func anEndOfTheNetworkIsToldAndLittleIsSentAgain() throws {
    let proxy = try LatencyProxy(to: server.port, roundTrip: 0.001)
    let far = OffsitePlace(here, s3: proxy.port, [proxy])
    var generator = SeededGenerator(seed: 13)
    for number in 0..<12 {
      try here.write(generator.bytes(24 << 20), to: here.source + "/big\(number)")
    }
    let running = try here.start(
      "backup", here.source, "--limit-upload", "96M", "--retry-limit", "1s", "--connections", "2")
    while server.objects.keys.filter({ $0.contains("packs/") }).count < 4 { usleep(20_000) }
    proxy.set(.refusing)
    let outcome = try running.wait(limit: 60)
    #expect(outcome.code == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("run the same command again"), "\(outcome.errors)")
    let before = Set(server.objects.keys.filter { $0.contains("packs/") })
    proxy.set(.passing)
    try far.succeed("backup", here.source)
    let after = server.objects.filter { $0.key.contains("packs/") }
    #expect(before.isSubset(of: after.keys))
    let total = after.values.reduce(0) { $0 + $1.count }
    // A pack on each connection may have come whole when nobody was told of it any more.
    #expect(total < 12 * 24 << 20 + 2 * 33 << 20, "\(total) bytes of packs for 288 MiB")
    try far.expectRestores()
  }
}
