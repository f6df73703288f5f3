// What an auditor demands of a repository (docs/audit.md): lines of words, as in a C2SP tlog-policy.
//
//     file   := line*                         UTF-8, at most 1 MiB
//     line   := [ demand ] LF | "#" text LF   words are parted by blanks and tabs
//     demand := "log" vkey                    the log's verifier key; once
//             | "witness" … | "group" … | "quorum" …      as a tlog-policy has them
//             | "gap" limit [source]          complete snapshots are no further apart
//             | "check" limit [scope]         checks that find no damage are no further apart
//             | "receipt" limit activity      nor are receipts of that activity whose result is "ok"
//             | "drill" limit                 a drill that was begun has its end in the log so soon
//             | "cosigned" limit              nor are cosign entries with the witnesses' quorum, by its time
//             | "anchored" limit              nor are anchor entries with a trusted token, by its time
//             | "delay" limit                 a snapshot is logged so soon after the time it states
//             | "grace" limit                 what is condemned is swept no sooner
//     limit  := duration | "none"
//     source := 8 to 64 hexadecimal digits, with which its id in the log begins
//
// A gap of a source goes before that of all; of two lines for the same the later one counts.

public import VarveFormat
package import VarveProof
internal import VarveRepository

public struct AuditPolicy: Sendable, Equatable {
  /// A limit that is not there, or a span of the calendar.
  public typealias Limit = RetentionDuration?

  public static let largestByteCount = 1 << 20
  /// What `delay` is when nothing is said.
  public static let usualDelay = RetentionDuration(days: 7)
  static let usualDrill = RetentionDuration(days: 1)

  /// The log's verifier key, as text.
  public var logKey: String?
  /// The file's lines, those that are no tlog-policy's empty, so that errors name the right one.
  private var witnessLines: [String] = []
  /// Whose cosignatures count; nil when nothing is said.
  package private(set) var witnesses: WitnessPolicy?
  public var gap: Limit = nil
  /// By the first digits of the sources' ids.
  public var sourceGaps: [String: Limit] = [:]
  /// By scope; the empty one stands for any.
  public var checks: [String: RetentionDuration] = [:]
  /// By activity.
  public var receipts: [String: RetentionDuration] = [:]
  /// When nothing is said, one without an end is noted after `usualDrill`.
  public var drill: Limit = nil
  public var cosigned: Limit = nil
  public var anchored: Limit = nil
  public var delay: Limit = AuditPolicy.usualDelay
  public var grace: Limit = nil

  /// Demands nothing beyond what the log itself promises.
  public init() {}

  /// Reads a file.
  ///
  /// - Parameter name: of the file, for messages.
  /// - Throws: `.usage` naming the line.
  public init(parsing bytes: [UInt8], _ name: String) throws {
    guard bytes.count <= Self.largestByteCount,
      let text = String(validating: bytes, as: UTF8.self)
    else {
      throw VarveError(.usage, "\(name) is no audit policy: it is not UTF-8 text of at most 1 MiB")
    }
    // By scalars: a carriage return and a line feed are one character.
    let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      witnessLines.append("")
      let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map { String($0) }
      guard let verb = words.first, !verb.hasPrefix("#") else { continue }
      do {
        try take(verb, Array(words.dropFirst()), line: String(line))
      } catch let error as VarveError {
        throw VarveError(
          .usage, "\(name), line \(index + 1): \(error.message)",
          hint: "docs/audit.md says what an audit policy may have")
      }
    }
    if witnessLines.contains(where: { !$0.isEmpty }) {
      let text = witnessLines.joined(separator: "\n") + "\n"
      witnesses = try WitnessPolicy(Array(text.utf8), name)
    }
    witnessLines = []
  }

  /// With this policy's witnesses, if it has any, in the place of the others.
  func trust(besides other: TimeTrust) -> TimeTrust {
    witnesses.map { TimeTrust(policy: $0, authorities: other.authorities) } ?? other
  }

  private mutating func take(_ verb: String, _ words: [String], line: String) throws {
    func require(_ counts: ClosedRange<Int>) throws {
      guard counts.contains(words.count) else {
        throw VarveError(.usage, "\"\(verb)\" does not take \(words.count) words")
      }
    }
    switch verb {
    case "log":
      try require(1...1)
      guard logKey == nil else { throw VarveError(.usage, "there is a second \"log\"") }
      logKey = words[0]
    case "witness", "group", "quorum":
      witnessLines[witnessLines.count - 1] = line.last == "\r" ? String(line.dropLast()) : line
    case "gap":
      try require(1...2)
      let limit = try Self.limit(words[0])
      if words.count == 2 {
        sourceGaps[try Self.source(words[1])] = .some(limit)
      } else {
        gap = limit
      }
    case "check":
      try require(1...2)
      checks[words.count == 2 ? words[1] : ""] = try Self.limit(words[0])
    case "receipt":
      try require(2...2)
      receipts[words[1]] = try Self.limit(words[0])
    case "drill":
      try require(1...1)
      drill = try Self.limit(words[0])
    case "cosigned":
      try require(1...1)
      cosigned = try Self.limit(words[0])
    case "anchored":
      try require(1...1)
      anchored = try Self.limit(words[0])
    case "delay":
      try require(1...1)
      delay = try Self.limit(words[0])
    case "grace":
      try require(1...1)
      grace = try Self.limit(words[0])
    default: throw VarveError(.usage, "there is no demand \"\(verb)\"")
    }
  }

  private static func limit(_ word: String) throws -> Limit {
    if word == "none" { return nil }
    guard let duration = RetentionDuration(word), !duration.isZero else {
      throw VarveError(
        .usage, "\"\(word)\" is no duration, such as 26h, 7d or 1m, and not \"none\"")
    }
    return duration
  }

  private static func source(_ word: String) throws -> String {
    guard (8...64).contains(word.utf8.count),
      word.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else {
      throw VarveError(.usage, "\"\(word)\" is not the beginning of a source's id")
    }
    return word
  }

  /// The longest gap that a source may have.
  func gap(ofSource source: Digest) -> Limit {
    guard !sourceGaps.isEmpty else { return gap }
    let hex = source.hex
    let own = sourceGaps.keys.filter { hex.hasPrefix($0) }.max { $0.utf8.count < $1.utf8.count }
    return own.flatMap { sourceGaps[$0] } ?? gap
  }
}
