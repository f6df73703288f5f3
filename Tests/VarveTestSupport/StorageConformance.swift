import Glibc
import Synchronization
import VarveFormat
public import VarveStorage

/// What every storage back end must do. Each case gets an empty store and throws
/// `StorageConformance.Failure` where the store is at fault.
///
///     @Test(arguments: StorageConformance.cases)
///     func conforms(_ conformance: StorageConformance.Case) throws {
///       try conformance.run(MyStorage())
///     }
public enum StorageConformance {
  public struct Case: Sendable, CustomStringConvertible {
    public let description: String
    public let run: @Sendable (any StorageBackend) throws -> Void
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  public static let cases: [Case] = [
    Case(description: "an object reads back as it was put") { store in
      for (name, bytes) in samples {
        try store.put(name, bytes)
        try expect(try store.read(name) == bytes, "\(name) reads back")
        try expect(try store.size(name) == UInt64(bytes.count), "\(name) has its size")
      }
    },
    Case(description: "put replaces") { store in
      try store.put("log/checkpoint", [1, 2, 3])
      try store.put("log/checkpoint", [4])
      try expect(try store.read("log/checkpoint") == [4], "the second put wins")
    },
    Case(description: "create does not replace") { store in
      try expect(try store.createExclusively("log/commits/0", [1]), "the first create succeeds")
      try expect(!(try store.createExclusively("log/commits/0", [2])), "the second does not")
      try expect(try store.read("log/commits/0") == [1], "the first one's bytes stay")
      try store.put("keys/a", [9])
      try expect(!(try store.createExclusively("keys/a", [8])), "what was put counts as well")
    },
    Case(description: "an empty object is an object") { store in
      try expect(try store.createExclusively("index/empty", []), "created")
      try expect(try store.size("index/empty") == 0, "its size is 0")
      try expect(try store.read("index/empty") == [], "it reads as nothing")
      try expect(!(try store.createExclusively("index/empty", [1])), "it is in the way")
    },
    Case(description: "what is not there is missing") { store in
      try store.put("packs/00/aa", [1])
      for name in ["packs/00/ab", "packs/01/aa", "packs/00/aa/b", "config"] {
        try expect(try store.size(name) == nil, "\(name) has no size")
        try expectError(.missing, "reading \(name)") { _ = try store.read(name) }
        try expectError(.missing, "reading a range of \(name)") {
          _ = try store.read(name, offset: 0, count: 1)
        }
        try store.remove(name)
      }
    },
    Case(description: "ranges") { store in
      let bytes = pattern(100_000, seed: 7)
      try store.put("packs/00/range", bytes)
      for (offset, count) in [(0, 100_000), (0, 1), (99_999, 1), (4_095, 8_193), (100_000, 0)] {
        let read = try store.read("packs/00/range", offset: UInt64(offset), count: count)
        try expect(read == Array(bytes[offset..<offset + count]), "\(count) bytes at \(offset)")
      }
      for (offset, count) in [(0, 100_001), (99_999, 2), (100_001, 0), (200_000, 1)] {
        try expectError(.damaged, "reading \(count) bytes at \(offset)") {
          _ = try store.read("packs/00/range", offset: UInt64(offset), count: count)
        }
      }
      try expectError(.damaged, "an offset near 2^64") {
        _ = try store.read("packs/00/range", offset: UInt64.max, count: 2)
      }
    },
    Case(description: "a removed object is gone and its name is free") { store in
      try store.put("keys/a", [1])
      try store.remove("keys/a")
      try expect(try store.size("keys/a") == nil, "gone")
      try store.remove("keys/a")
      try expect(try store.createExclusively("keys/a", [2]), "the name is free")
    },
    Case(description: "listing") { store in
      try expect(try listing(store, "packs") == [:], "an empty store lists nothing")
      for (name, bytes) in samples { try store.put(name, bytes) }
      for prefix in ["", "packs", "packs/", "packs/00", "log", "index", "nothing", "packs/0"] {
        let directory = prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/"
        let expected = samples.filter { $0.0.hasPrefix(directory) }
          .map { ($0.0, UInt64($0.1.count)) }
        try expect(
          try listing(store, prefix) == Dictionary(uniqueKeysWithValues: expected),
          "the listing of “\(prefix)”")
      }
      struct Stop: Error {}
      var calls = 0
      do {
        try store.list("") { _, _ in
          calls += 1
          throw Stop()
        }
        throw Failure(description: "an error thrown by the body did not come out")
      } catch is Stop {
        try expect(calls == 1, "the listing stops at the error")
      }
    },
    Case(description: "3,000 objects list") { store in
      for number in 0..<3_000 { try store.put("index/\(number)", [UInt8(number & 0xff)]) }
      let listed = try listing(store, "index")
      try expect(listed.count == 3_000, "every object is listed, once")
      try expect(listed.values.allSatisfy { $0 == 1 }, "with its size")
    },
    Case(description: "names that could lead out are refused") { store in
      let names = [
        "", "/", "/config", "config/", "..", ".", "../config", "packs/../config", "packs//a",
        "packs/./a", ".hidden", "packs/.a", "Config", "a b", "a\u{0}b", "a\\b", "é", "tmp/a", "tmp",
        String(repeating: "a", count: 256),
      ]
      for name in names {
        try expectError(.usage, "put “\(name)”") { try store.put(name, [1]) }
        try expectError(.usage, "create “\(name)”") { _ = try store.createExclusively(name, [1]) }
        try expectError(.usage, "read “\(name)”") { _ = try store.read(name) }
        try expectError(.usage, "read a range of “\(name)”") {
          _ = try store.read(name, offset: 0, count: 0)
        }
        try expectError(.usage, "size “\(name)”") { _ = try store.size(name) }
        try expectError(.usage, "remove “\(name)”") { try store.remove(name) }
      }
      try expectError(.usage, "list “..”") { try store.list("..") { _, _ in } }
      try expect(try listing(store, "") == [:], "nothing was stored")
    },
    Case(description: "a large object") { store in
      let bytes = pattern(33 << 20, seed: 3)
      try store.put("packs/ff/large", bytes)
      try expect(try store.read("packs/ff/large") == bytes, "it reads back")
      let tail = try store.read("packs/ff/large", offset: UInt64(bytes.count - 5), count: 5)
      try expect(tail == Array(bytes.suffix(5)), "and its end")
    },
    Case(description: "of eight racing creates exactly one wins", run: raceToCreate),
    Case(description: "readers never see a part of an object", run: readWhileReplacing),
  ]

  private static let samples: [(String, [UInt8])] = [
    ("config", [1]),
    ("keys/0123456789abcdef", [2, 3]),
    ("log/commits/0000000000000000", pattern(300, seed: 1)),
    ("log/checkpoint", pattern(4_096, seed: 2)),
    ("log/tile/0/x001/067.p/5", [4]),
    ("packs/00/aa", pattern(65_537, seed: 4)),
    ("packs/00/ab", []),
    ("packs/01/aa", [5]),
    ("packsx", [6]),
  ]

  private static func raceToCreate(_ store: any StorageBackend) throws {
    let rounds = 200
    let contenders = 8
    let winners = Mutex<[Int: [UInt8]]>([:])
    let problems = Mutex<[String]>([])
    let gate = Gate(count: contenders)
    runThreads(contenders) { thread in
      for round in 0..<rounds {
        gate.wait()
        let name = "log/commits/\(round)"
        do {
          let bytes = pattern(100 + thread, seed: UInt8(thread))
          if try store.createExclusively(name, bytes) {
            let isFirst = winners.withLock { $0.updateValue(bytes, forKey: round) == nil }
            if !isFirst { problems.withLock { $0.append("\(name) has two winners") } }
          } else if try store.read(name).count < 100 {
            problems.withLock { $0.append("a loser reads a part of \(name)") }
          }
        } catch {
          problems.withLock { $0.append("\(name): \(error)") }
        }
      }
    }
    try expect(problems.withLock { $0.isEmpty }, problems.withLock { $0.joined(separator: "; ") })
    for round in 0..<rounds {
      let bytes = winners.withLock { $0[round] }
      try expect(bytes != nil, "round \(round) has a winner")
      try expect(try store.read("log/commits/\(round)") == bytes, "the winner's bytes are stored")
    }
  }

  private static func readWhileReplacing(_ store: any StorageBackend) throws {
    let versions = (0..<8).map { pattern(200_000 + $0 * 1_000, seed: UInt8($0)) }
    try store.put("log/checkpoint", versions[0])
    let problems = Mutex<[String]>([])
    runThreads(4) { thread in
      for round in 0..<40 {
        do {
          if thread == 0 {
            try store.put("log/checkpoint", versions[round % versions.count])
          } else if !versions.contains(try store.read("log/checkpoint")) {
            problems.withLock { $0.append("a read saw a mixture") }
          }
        } catch {
          problems.withLock { $0.append("\(error)") }
        }
      }
    }
    try expect(problems.withLock { $0.isEmpty }, problems.withLock { $0.joined(separator: "; ") })
  }

  private static func listing(
    _ store: any StorageBackend, _ prefix: String
  ) throws -> [String: UInt64] {
    var found: [String: UInt64] = [:]
    try store.list(prefix) { name, size in
      try expect(found.updateValue(size, forKey: name) == nil, "\(name) is listed once")
    }
    return found
  }

  private static func pattern(_ count: Int, seed: UInt8) -> [UInt8] {
    var state = UInt64(seed) &+ 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
  }

  private static func expect(_ condition: @autoclosure () throws -> Bool, _ what: String) throws {
    guard try condition() else { throw Failure(description: "expected: \(what)") }
  }

  private static func expectError(
    _ code: VarveError.Code, _ what: String, _ body: () throws -> Void
  ) throws {
    do {
      try body()
    } catch let error as VarveError {
      guard error.code == code else {
        throw Failure(description: "\(what) throws \(error.code.rawValue): \(error)")
      }
      return
    }
    throw Failure(description: "\(what) throws nothing")
  }
}
