// What this host remembers of its runs: for each activity and name a file of JSON lines in canonical form
// (docs/format.md, section 2), appended and synced one at a time.
//
//   backup-NAME.jsonl, drill-NAME.jsonl (of all drills of a profile), forget-NAME.jsonl, …
//   lock         held (flock) while a line is written or old ones are dropped
//
// A run has a line when it begins and one when it ends, with the same id; the later one counts. A line that a crash cut
// short, or that a newer program has written, is passed over. When a file has more than 4,000 lines, the newest 1,000
// runs are written anew and put in its place.

import CVarveLinux
import Glibc
import VarveFormat
public import VarveRepository
import VarveStorage

/// What this host remembers of its runs.
public struct RunJournal: Sendable {
  private static let runsKept = 1_000
  private static let lineLimit = 4_000

  private let directory: String

  /// - Parameter directory: made when it is needed.
  public init(directory: String) { self.directory = directory }

  /// Below the directory for a client's state.
  public init(client: ClientDirectories) { self.init(directory: client.state + "/runs") }

  /// Writes the start or the end of a run; on return it is durable.
  ///
  /// - Throws: `.io`.
  public func append(_ record: RunRecord) throws {
    try FileWriting.makeDirectory(directory, mode: 0o700)
    try FileWriting.locked(directory + "/lock") {
      let path = path(of: record.activity, record.name)
      let file = varve_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_APPEND, 0o600)
      guard file >= 0 else { throw VarveError(system: -file, "cannot write \(path)") }
      defer { close(file) }
      var line = record.json.canonicalBytes() + [0x0a]
      if try !endsWithLine(file, path) { line.insert(0x0a, at: 0) }
      var done = 0
      while done < line.count {
        let count = line[done...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else {
          throw VarveError(system: count == 0 ? EIO : errno, "cannot write \(path)")
        }
        done += count
      }
      let result = varve_fsync(file)
      guard result == 0 || result == -EINVAL else {
        throw VarveError(system: -result, "cannot sync \(path)")
      }
      try dropOld(path)
    }
  }

  /// The runs that are remembered, by when they began, oldest first. The end of a run has taken the place of its start.
  ///
  /// - Throws: `.io`.
  public func records(activity: RunRecord.Activity, name: String) throws -> [RunRecord] {
    Self.merged(try lines(of: path(of: activity, name)))
  }

  /// The names that have runs of an activity, ascending.
  public func names(activity: RunRecord.Activity) throws -> [String] {
    guard let stream = opendir(directory) else {
      if errno == ENOENT { return [] }
      throw VarveError(system: errno, "cannot read \(directory)")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let file = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard file.hasPrefix(activity.rawValue + "-"), file.hasSuffix(".jsonl") else { continue }
      let name = file.dropFirst(activity.rawValue.utf8.count + 1).dropLast(6)
      if let name = Self.name(fromFile: name) { names.append(name) }
    }
    return names.sorted()
  }

  // MARK: Files

  private func path(of activity: RunRecord.Activity, _ name: String) -> String {
    "\(directory)/\(activity.rawValue)-\(Self.fileName(of: name)).jsonl"
  }

  /// Letters, digits, `.`, `_` and `-` stand for themselves, other bytes as `%HH`.
  static func fileName(of name: String) -> String {
    name.utf8.reduce(into: "") { text, byte in
      let scalar = UnicodeScalar(byte)
      let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || (48...57).contains(byte))
      text +=
        isPlain || ".-_".unicodeScalars.contains(scalar)
        ? String(Character(scalar)) : "%" + Hex.encode([byte])
    }
  }

  private static func name(fromFile text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let decoded = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)),
        decoded.count == 1
      else { return nil }
      bytes += decoded
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private func endsWithLine(_ file: Int32, _ path: String) throws -> Bool {
    var status = varve_status()
    let result = varve_statx(file, "", varve_at_empty_path, &status)
    guard result == 0 else { throw VarveError(system: -result, "cannot read \(path)") }
    guard status.size > 0 else { return true }
    var last: UInt8 = 0
    return varve_pread(file, &last, 1, Int64(clamping: status.size) - 1) == 1 && last == 0x0a
  }

  private func lines(of path: String) throws -> [RunRecord] {
    guard let bytes = try FileWriting.read(path) else { return [] }
    return bytes.split(separator: 0x0a).compactMap { line in
      guard let json = try? JSONValue(canonical: line, path) else { return nil }
      return try? RunRecord(json: json)
    }
  }

  private static func merged(_ lines: [RunRecord]) -> [RunRecord] {
    var records: [RunRecord] = []
    var places: [String: Int] = [:]
    for line in lines {
      if let place = places[line.id] {
        records[place] = line
      } else {
        places[line.id] = records.count
        records.append(line)
      }
    }
    return records
  }

  private func dropOld(_ path: String) throws {
    guard let bytes = try FileWriting.read(path),
      bytes.lazy.filter({ $0 == 0x0a }).count > Self.lineLimit
    else { return }
    let kept = Self.merged(try lines(of: path)).suffix(Self.runsKept)
    let text = kept.map { $0.json.canonicalBytes() + [0x0a] }.joined()
    try FileWriting.replace(path, with: Array(text), mode: 0o600)
  }
}
