import CVarveLinux
import Glibc
import Testing
import Varve
import VarveFormat
import VarveStorage

@Suite struct RestoreDamageTests {
  private func bench() throws -> RestoreBench {
    try RestoreBench(
      [
        ("whole", .text("fine")), ("pieces", .file(noise(900_000), chunkSize: 300_000)),
        ("folder", .directory([("inner", .file(noise(300_000, seed: 5), chunkSize: 300_000))])),
      ], packSize: 250_000)
  }

  private func packs(_ bench: RestoreBench) throws -> [String] {
    var names: [String] = []
    try bench.storage.list("packs") { name, _ in names.append(name) }
    return names.sorted()
  }

  @Test func aFileWithADamagedChunkIsNamedAndNotLeft() throws {
    let bench = try bench()
    let names = try packs(bench)
    #expect(names.count >= 4)
    var affected: Set<String> = []
    bench.makeDirectory()
    for (number, name) in names.enumerated() {
      let good = try bench.storage.read(name)
      for change in 0..<3 {
        switch change {
        case 0: try bench.storage.remove(name)
        case 1: try bench.storage.put(name, Array(good.dropLast(good.count / 2)))
        default:
          var bad = good
          bad[good.count / 2] ^= 1
          try bench.storage.put(name, bad)
        }
        let target = "restored-\(number)-\(change)"
        let report = try bench.restore { $0.target += Array("/\(target)".utf8) }
        for problem in report.problems {
          #expect(problem.kind == .damage)
          let path = String(decoding: problem.path, as: UTF8.self)
          affected.insert(path)
          let isDirectory = bench.status("\(target)/\(path)")?.isDirectory ?? false
          #expect(isDirectory || bench.status("\(target)/\(path)") == nil, "\(path) was left")
        }
        let isUnharmed = report.problems.isEmpty
        #expect(!isUnharmed || bench.has("\(target)/pieces", noise(900_000)))
        let left = bench.names("target/\(target)")
        #expect(!left.contains { $0.hasPrefix(".varve") })
        #expect(!left.contains("pieces") || bench.has("\(target)/pieces", noise(900_000)))
      }
      try bench.storage.put(name, good)
    }
    #expect(affected.contains("pieces"))
    #expect(affected.contains("folder/inner"))
    #expect(try bench.restore().problems == [])
  }

  @Test func whatWasThereStaysWhenItsReplacementIsDamaged() throws {
    let bench = try RestoreBench([("file", .file(noise(400_000), chunkSize: 300_000))])
    try bench.write("file", "old but whole")
    for name in try packs(bench) {
      var bytes = try bench.storage.read(name)
      bytes[bytes.count / 3] ^= 1
      try bench.storage.put(name, bytes)
    }
    let report = try bench.restore()
    #expect(report.problems.map(\.kind) == [.damage])
    #expect(bench.text("file") == "old but whole")
    #expect(bench.names() == ["file"])
  }

  @Test func hardLinksOfADamagedFileAreNamed() throws {
    let body = Node.hardLinked(
      .with(.text("x")) {
        $0.content = .file(
          FileContent(
            size: 5, form: .chunks([ChunkReference(address: Digest(1, 1, 1, 1), length: 5)]),
            holes: [], digest: Digest(1, 1, 1, 1)))
      })
    let bench = try RestoreBench([("a", body), ("b", body)], links: [["a", "b"]])
    let report = try bench.restore()
    #expect(report.problems.map { String(decoding: $0.path, as: UTF8.self) } == ["a", "b"])
    #expect(bench.names() == [])
  }

  @Test func verifyFindsWhatChangedMeanwhile() throws {
    let bench = try RestoreBench([
      ("good", .text("right")), ("bad", .text("right")), ("short", .text("right")),
      (
        "holes",
        .file([UInt8](repeating: 0, count: 1 << 20), holes: [Hole(offset: 0, length: 1 << 20)])
      ),
      ("gone", .text("right")), ("pieces", .file(noise(100_000), chunkSize: 1_000)),
    ])
    let observer = RecordingObserver { item in
      let path = bench.path(String(decoding: item.path, as: UTF8.self))
      let file = varve_open(AT_FDCWD, path, O_WRONLY, 0)
      guard file >= 0 else { return }
      defer { close(file) }
      switch String(decoding: item.path, as: UTF8.self) {
      case "bad": _ = varve_pwrite(file, "R", 1, 0)
      case "short": _ = varve_truncate(file, 4)
      case "holes": _ = varve_pwrite(file, "x", 1, 500_000)
      case "gone": unlink(path)
      case "pieces": _ = varve_pwrite(file, "xxx", 3, 77_777)
      default: break
      }
    }
    let report = try bench.restore(observer: observer) { $0.verify = true }
    #expect(
      report.problems.map { String(decoding: $0.path, as: UTF8.self) }
        == ["bad", "gone", "holes", "pieces", "short"])
    #expect(report.problems.allSatisfy { $0.kind == .verification })
    #expect(report.filesVerified == 1)
  }
}
