import Glibc
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository

/// The snapshots of a drill: what is chosen of them, and what is there after the restore.
struct DrillSources {
  let repository: IndexedRepository
  let plan: DrillPlan
  let directory: DrillDirectory
  let cancellation: CancellationFlag

  /// Goes through the regular files of a snapshot.
  private func forEachEntry(
    of record: SnapshotRecord, _ body: (_ path: [UInt8], _ entry: TreeEntry) throws -> Void
  ) throws {
    let reader = try repository.makeReader()
    try Listing().forEach(below: record.rootDirectory, from: reader) { path, entry in
      try cancellation.check()
      try body(path, entry)
    }
  }

  // MARK: Choosing

  struct Choice {
    /// Nil: all of them.
    var files: [Digest: Set<[UInt8]>]?
    var total: Int64
    /// Those that have no file at all.
    var empty: [Digest] = []
  }

  /// - Throws: `.damaged`, `.missing`, `.interrupted`.
  func choice() throws -> Choice {
    var sample = DrillSample(plan.drill.sample, challenge: plan.challenge)
    var empty: [Digest] = []
    for id in plan.snapshots.compactMap(\.id) {
      let before = sample.total
      try forEachEntry(of: try repository.unlocked.snapshotRecord(id)) { path, entry in
        if entry.type == .file { sample.offer(path, of: id) }
      }
      if sample.total == before { empty.append(id) }
    }
    guard var files = sample.files() else {
      return Choice(files: nil, total: sample.total, empty: empty)
    }
    let asked = plan.drill.checks.compactMap(\.path).flatMap { path in
      let bytes = SnapshotPath(path.utf8).bytes
      // What SQLite keeps beside a database belongs to it.
      return [bytes, bytes + Array("-wal".utf8), bytes + Array("-journal".utf8)]
    }
    for id in plan.snapshots.compactMap(\.id) { files[id, default: []].formUnion(asked) }
    return Choice(files: files, total: sample.total, empty: empty)
  }

  // MARK: Restoring

  struct Restored {
    var step: DrillStep
    var warnings: [String] = []
  }

  /// - Throws: `.interrupted`.
  func restore(_ snapshot: DrillPlan.Snapshot, _ id: Digest, _ choice: Choice) throws -> Restored {
    let began = MonotonicClock.nanoseconds
    func step(_ result: DrillStep.Result, _ finding: String, _ output: String = "") -> DrillStep {
      DrillStep(
        .restore, snapshot.source, result, milliseconds: DrillClock.milliseconds(since: began),
        finding, output: output)
    }
    do {
      var options = RestoreOptions(target: Array(directory.files.utf8))
      options.only = choice.files.map { $0[id] ?? [] }
      let report = try Restore.run(
        repository, try repository.unlocked.snapshotRecord(id), options: options,
        cancellation: cancellation)
      // Without root's rights not everything can be made as it was; contents are judged by their hashes.
      let isPrivileged = geteuid() == 0
      let failed = report.problems.filter { isPrivileged || $0.kind != .target }
      let lines = report.problems.prefix(50).map {
        "\(ByteText.printable($0.path)): \(ByteText.printable($0.message))"
      }
      let output = lines.joined(separator: "\n")
      var warnings = report.warnings.map { "\(snapshot.source): \(ByteText.printable($0))" }
      if failed.count < report.problems.count {
        warnings.append(
          "\(snapshot.source): \(HumanText.count(report.problems.count - failed.count, "item")) "
            + "cannot be made as the snapshot has them without root's rights")
      }
      guard let first = failed.first else {
        let finding =
          "\(HumanText.count(report.itemsRestored, "item")), "
          + HumanText.bytes(report.bytesRestored)
        return Restored(step: step(.passed, finding, output), warnings: warnings)
      }
      let finding =
        "\(HumanText.count(failed.count, "item")) could not be restored, first "
        + "\(ByteText.printable(first.path)): \(ByteText.printable(first.message))"
      return Restored(step: step(.failed, finding, output), warnings: warnings)
    } catch let error as VarveError where error.code != .interrupted {
      return Restored(step: step(.failed, ByteText.printable(error.description)))
    }
  }

  // MARK: Comparing

  struct Compared {
    var step: DrillStep
    var files: Int64 = 0
    var bytes: Int64 = 0
  }

  /// Hashes what lies in the directory, and compares it with what the snapshot's tree has.
  ///
  /// - Parameter list: hears of each file that was to be restored: a line of the list of the sample.
  /// - Throws: `.interrupted`.
  func compare(
    _ snapshot: DrillPlan.Snapshot, _ id: Digest, _ choice: Choice,
    list: (_ line: String) throws -> Void
  ) throws -> Compared {
    let began = MonotonicClock.nanoseconds
    var wrong: [String] = []
    var wrongCount = 0
    var compared = Compared(step: DrillStep(.hashes, snapshot.source, .passed, ""))
    func differs(_ path: [UInt8], _ how: String) {
      wrongCount += 1
      if wrong.count < 50 { wrong.append("\(ByteText.printable(path)): \(how)") }
    }
    do {
      try forEachEntry(of: try repository.unlocked.snapshotRecord(id)) { path, entry in
        if let chosen = choice.files?[id], !chosen.contains(path) { return }
        let place = Array(directory.files.utf8) + path
        switch entry.content {
        case .file(let content):
          let wanted = content.size == 0 ? Self.emptyDigest : content.digest
          compared.files += 1
          // A tree that was forged may say anything.
          compared.bytes = compared.bytes.addingWithoutOverflow(Int64(clamping: content.size))
          try list("\(id.hex) \(content.size) \(wanted.hex) \(EscapedBytes.text(path))\n")
          if let how = try difference(place, from: content.size, wanted) { differs(path, how) }
        case .link(let target):
          if Self.linkTarget(place) != target {
            differs(path, "the link is missing or leads elsewhere")
          }
        case .directory:
          if Self.type(of: place) != S_IFDIR { differs(path, "the directory is missing") }
        case .device, .none: break
        }
      }
    } catch let error as VarveError where error.code != .interrupted {
      differs([], ByteText.printable(error.description))
    }
    compared.step.milliseconds = DrillClock.milliseconds(since: began)
    compared.step.output = wrong.joined(separator: "\n")
    if let first = wrong.first {
      compared.step.result = .failed
      compared.step.finding =
        "\(HumanText.count(wrongCount, "item")) not as in the snapshot, first \(first)"
    } else {
      compared.step.finding =
        "\(HumanText.count(compared.files, "file")), \(HumanText.bytes(UInt64(max(0, compared.bytes)))) "
        + "have the SHA-256 that the snapshot says"
    }
    return compared
  }

  private static let emptyDigest = SHA256.digest([])

  private func difference(_ place: [UInt8], from size: UInt64, _ wanted: Digest) throws -> String? {
    guard Self.type(of: place) == S_IFREG else { return "the file is missing" }
    do {
      let found = try place.withCPath {
        try FileDigest.digest(of: $0, "the file", cancellation)
      }
      return found == wanted ? nil : "its SHA-256 is \(found.hex), not \(wanted.hex)"
    } catch let error as VarveError where error.code != .interrupted {
      return error.message
    }
  }

  private static func type(of place: [UInt8]) -> mode_t? {
    var status = stat()
    guard place.withCPath({ lstat($0, &status) }) == 0 else { return nil }
    return status.st_mode & S_IFMT
  }

  private static func linkTarget(_ place: [UInt8]) -> [UInt8]? {
    var target = [CChar](repeating: 0, count: 65_536)
    let count = place.withCPath { readlink($0, &target, target.count) }
    return count >= 0 ? target.prefix(count).map { UInt8(bitPattern: $0) } : nil
  }
}

extension [UInt8] {
  fileprivate func withCPath<Result>(
    _ body: (UnsafePointer<CChar>) throws -> Result
  ) rethrows -> Result {
    try (map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer {
      // There is at least the zero at the end.
      try body($0.baseAddress.unsafelyUnwrapped)
    }
  }
}

extension Int64 {
  /// The sum, or the bound that it would pass.
  package func addingWithoutOverflow(_ other: Int64) -> Int64 {
    let (sum, isOver) = addingReportingOverflow(other)
    return isOver ? (other < 0 ? .min : .max) : sum
  }
}
