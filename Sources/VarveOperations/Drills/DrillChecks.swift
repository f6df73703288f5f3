import Glibc
import VarveCrypto
import VarveFormat
import VarveRepository

/// Does what a drill's checks say, one at a time.
struct DrillChecks {
  let directory: DrillDirectory
  let environment: [String: String]
  let cancellation: CancellationFlag

  /// - Throws: `.interrupted`; that a check does not hold is a step.
  func run(_ check: DrillCheck) throws -> DrillStep {
    let began = MonotonicClock.nanoseconds
    var step = try outcome(of: check)
    step.milliseconds = DrillClock.milliseconds(since: began)
    return step
  }

  private func outcome(of check: DrillCheck) throws -> DrillStep {
    switch check {
    case .integrity(let path): try file(.integrity, path, integrity)
    case .tables(let path, let tables):
      try file(.tables, path) { try self.tables($0, tables) }
    case .minimumSize(let path, let bytes):
      try file(.size, path) { try self.size($0, atLeast: bytes) }
    case .digest(let path, let digest): try file(.digest, path) { try self.digest($0, digest) }
    case .command(let command): try self.command(command)
    case .http(let probe): try http(probe)
    }
  }

  private struct Verdict {
    var failure: String?
    var finding = ""
    var output = ""
  }

  private func file(
    _ kind: DrillStep.Kind, _ path: String, _ body: (String) throws -> Verdict
  ) throws -> DrillStep {
    let subject = ByteText.printable(path)
    guard let place = directory.place(of: path) else {
      return DrillStep(kind, subject, .failed, "the path leads nowhere in a snapshot")
    }
    var status = stat()
    guard lstat(place, &status) == 0 else {
      return DrillStep(kind, subject, .failed, "the file is missing in what was restored")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      return DrillStep(kind, subject, .failed, "it is no regular file")
    }
    do {
      let verdict = try body(place)
      return DrillStep(
        kind, subject, verdict.failure == nil ? .passed : .failed,
        verdict.failure ?? verdict.finding, output: verdict.output)
    } catch let error as VarveError where error.code != .interrupted {
      return DrillStep(kind, subject, .failed, inside(error.description))
    }
  }

  /// Without the directory, which is another one each time.
  private func inside(_ text: String) -> String {
    ByteText.printable(
      text.split(separator: directory.files, omittingEmptySubsequences: false).joined())
  }

  private func integrity(_ place: String) throws -> Verdict {
    guard SQLiteDatabase.isDatabase(path: place) else {
      return Verdict(failure: "it is no SQLite database")
    }
    let database = try database(place)
    let problems = try database.integrityCheck()
    guard let first = problems.first else {
      return Verdict(
        finding: database.omission.map { "ok, but for its indexes: \(inside($0))" } ?? "ok")
    }
    return Verdict(
      failure: "integrity_check: \(inside(first))",
      output: problems.map(inside).joined(separator: "\n"))
  }

  /// In its own directory it may have a write-ahead log, which takes writing.
  private func database(_ place: String) throws -> SQLiteDatabase {
    try SQLiteDatabase(path: place, mode: .readWrite, cancellation: cancellation)
  }

  private func tables(_ place: String, _ wanted: [String: Int64]) throws -> Verdict {
    guard SQLiteDatabase.isDatabase(path: place) else {
      return Verdict(failure: "it is no SQLite database")
    }
    let database = try database(place)
    let present = Set(try database.tables())
    var failures: [String] = []
    var lines: [String] = []
    for (table, least) in wanted.sorted(by: { $0.key < $1.key }) {
      let name = ByteText.printable(table)
      guard present.contains(table) else {
        failures.append("the table \(name) is missing")
        continue
      }
      let count = try database.rowCount(of: table)
      lines.append("\(name): \(HumanText.count(count, "row"))")
      if count < least {
        failures.append(
          "the table \(name) has \(HumanText.count(count, "row")), fewer than \(least)")
      }
    }
    return Verdict(
      failure: failures.isEmpty ? nil : failures.joined(separator: "; "),
      finding: lines.joined(separator: ", "), output: lines.joined(separator: "\n"))
  }

  private func size(_ place: String, atLeast least: Int64) throws -> Verdict {
    var status = stat()
    guard lstat(place, &status) == 0 else { throw VarveError(.io, "its size cannot be read") }
    let size = Int64(status.st_size)
    return Verdict(
      failure: size < least ? "it has \(size) bytes, fewer than \(least)" : nil,
      finding: HumanText.count(size, "byte"))
  }

  private func digest(_ place: String, _ wanted: Digest) throws -> Verdict {
    let found = try FileDigest.digest(of: place, cancellation)
    return Verdict(
      failure: found == wanted ? nil : "its SHA-256 is \(found.hex), not \(wanted.hex)",
      finding: found.hex)
  }

  private func command(_ specification: CommandSpecification) throws -> DrillStep {
    let subject = ByteText.printable(specification.text)
    let outcome = try CommandRun.run(
      specification.inDirectory(directory.files), environment: environment,
      outputLimit: DrillOutput.byteLimit, cancellation: cancellation)
    return DrillStep(
      .command, subject, outcome.isSuccess ? .passed : .failed,
      outcome.failure ?? "exit status 0", output: DrillOutput.text(outcome))
  }

  private func http(_ probe: HTTPProbe) throws -> DrillStep {
    let outcome = try DrillProbe(probe: probe, cancellation: cancellation).run()
    return DrillStep(
      .http, ByteText.printable(probe.url), outcome.failure == nil ? .passed : .failed,
      outcome.failure ?? "it answers \(probe.status)"
        + (probe.contains.map { " with \"\(ByteText.printable($0))\"" } ?? ""),
      output: outcome.output)
  }
}

extension CommandSpecification {
  /// In that directory, unless it says another.
  func inDirectory(_ path: String) -> CommandSpecification {
    var command = self
    if command.workingDirectory == nil { command.workingDirectory = path }
    return command
  }
}

/// Durations of drills.
enum DrillClock {
  static func milliseconds(since began: UInt64) -> Int64 {
    Int64(clamping: (MonotonicClock.nanoseconds &- began) / 1_000_000)
  }
}

/// The SHA-256 of what lies on this machine.
enum FileDigest {
  private static let pieceSize = 1 << 20

  /// - Throws: `.io`, `.interrupted`.
  static func digest(of path: String, _ cancellation: CancellationFlag) throws -> Digest {
    try path.withCString { try digest(of: $0, path, cancellation) }
  }

  static func digest(
    of path: UnsafePointer<CChar>, _ name: String, _ cancellation: CancellationFlag
  ) throws -> Digest {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else {
      throw VarveError(.io, "cannot read \(name): \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    let stream = SHA256Stream()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      try cancellation.check()
      let count = read(file, buffer.baseAddress, buffer.count)
      if count == 0 { return stream.finish() }
      if count < 0 {
        if errno == EINTR { continue }
        throw VarveError(.io, "cannot read \(name): \(String(cString: strerror(errno)))")
      }
      stream.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}
