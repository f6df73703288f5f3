import Glibc
import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveTestSupport

/// Directories whose change-cache record is longer than 1 MiB: written in pieces, and mapped rather than copied.
@Suite struct LargeDirectoryTests {
  private static let count = 12_000

  private static func name(_ number: Int) -> String {
    "file with a long name, number \(100_000 + number)"
  }

  private static func filled() throws -> BackupBench {
    let bench = try BackupBench()
    for number in 0..<count where number % 3 != 0 { try bench.write(name(number), []) }
    for number in stride(from: 0, to: count, by: 3) {
      try #require(symlink("target \(number)", "\(bench.source)/\(name(number))") == 0)
    }
    mkdir(bench.source + "/below", 0o755)
    try bench.write("below/inner", [1, 2, 3])
    bench.settle()
    return bench
  }

  /// The records file, which is the largest of the change cache.
  private static func records(of bench: BackupBench) throws -> String {
    let directory = try #require(bench.unlocked.cacheDirectory) + "/changes"
    let stream = try #require(opendir(directory))
    defer { closedir(stream) }
    var found: [(Int, String)] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var status = stat()
      if stat("\(directory)/\(name)", &status) == 0 { found.append((status.st_size, name)) }
    }
    let largest = try #require(found.filter { !$0.1.hasPrefix(".") }.max { $0.0 < $1.0 })
    #expect(largest.0 > 1 << 20)
    return "\(directory)/\(largest.1)"
  }

  private func tree(_ bench: BackupBench, _ report: BackupReport) throws -> SnapshotRecord.Tree {
    try bench.unlocked.snapshotRecord(try #require(report.snapshot)).tree
  }

  @Test func onlyWhatChangedIsReadAndTheTreeIsTheSame() throws {
    let bench = try Self.filled()
    let first = try bench.backUp()
    let files = UInt64(Self.count * 2 / 3 + 1)
    #expect(first.counts.filesNew == files)
    let second = try bench.backUp()
    #expect(second.counts.filesUnmodified == files)
    #expect(second.counts.directoriesUnmodified == first.counts.directoriesNew)
    #expect(second.counts.treeChunks == 0)
    #expect(try tree(bench, second) == tree(bench, first))

    // In the middle, at both ends, and below.
    for number in [1, 4_001, Self.count - 1] { try bench.write(Self.name(number), [9]) }
    try bench.write("below/inner", [4])
    try #require(unlink("\(bench.source)/\(Self.name(8_000))") == 0)
    try bench.write("a new one", [5])
    bench.settle()
    let third = try bench.backUp()
    #expect(third.counts.filesChanged == 4)
    #expect(third.counts.filesNew == 1)
    #expect(third.counts.filesUnmodified == files - 5)
    let fourth = try bench.backUp()
    #expect(fourth.counts.filesUnmodified == files)
    let fresh = try bench.backUp { $0.parent = .none }
    #expect(fresh.counts.filesNew == files)
    #expect(try tree(bench, third) == tree(bench, fresh))
    #expect(try tree(bench, fourth) == tree(bench, fresh))
    #expect(try bench.content(try #require(fourth.snapshot), "data/\(Self.name(4_001))") == [9])
  }

  @Test func aDamagedRecordReadsAsNone() throws {
    let bench = try Self.filled()
    let first = try bench.backUp()
    let path = try Self.records(of: bench)
    let file = open(path, O_RDWR)
    try #require(file >= 0)
    defer { close(file) }
    var status = stat()
    try #require(fstat(file, &status) == 0)
    // In the signatures, in the bodies, and in the header of the root's record, which is the last.
    for offset in [200_000, 1_200_000, status.st_size - 1] {
      var byte: UInt8 = 0
      try #require(pread(file, &byte, 1, offset) == 1)
      byte ^= 0x10
      try #require(pwrite(file, &byte, 1, offset) == 1)
      let again = try bench.backUp { $0.dryRun = true }
      // Everything is read again, or at least everything in the damaged directory.
      #expect(again.counts.filesNew > 0 || again.counts.directoriesNew > 0, "offset \(offset)")
      byte ^= 0x10
      try #require(pwrite(file, &byte, 1, offset) == 1)
    }
    #expect(try bench.backUp().counts.filesUnmodified == first.counts.filesNew)
  }
}
