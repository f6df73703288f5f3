public import VarveFormat
internal import VarveRepository

/// The time that is written in a file's name.
///
/// ```
/// pattern := (literal | "*" | "?" | "%Y" | "%m" | "%d" | "%H" | "%M" | "%S" | "%s" | "%%")*
/// ```
/// `%Y` has four digits, `%s` is seconds since 1970, the others have two; `*` is anything, as little as will do. What is
/// missing behind the day is midnight. In local time.
public struct NameTime: Sendable {
  private enum Part: Equatable {
    case literal(UInt8)
    case anything, anyByte
    case field(UInt8, digits: ClosedRange<Int>)
  }

  private let parts: [Part]

  /// - Throws: `.usage` for a pattern that says no day.
  public init(pattern: String) throws {
    var parts: [Part] = []
    var fields: Set<UInt8> = []
    var bytes = Array(pattern.utf8)[...]
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): parts.append(.anything)
      case UInt8(ascii: "?"): parts.append(.anyByte)
      case UInt8(ascii: "%"):
        let field = bytes.popFirst() ?? 0
        if field == UInt8(ascii: "%") {
          parts.append(.literal(field))
          continue
        }
        guard "YmdHMSs".utf8.contains(field), fields.insert(field).inserted else {
          throw VarveError(
            .usage, "'\(pattern)' has a field that is none, or one twice",
            hint: "fields are %Y %m %d %H %M %S, or %s alone")
        }
        let digits =
          switch field {
          case UInt8(ascii: "Y"): 4...4
          case UInt8(ascii: "s"): 1...12
          default: 2...2
          }
        parts.append(.field(field, digits: digits))
      default: parts.append(.literal(byte))
      }
    }
    let hasDay = ["Y", "m", "d"].allSatisfy { (letter: Unicode.Scalar) in
      fields.contains(UInt8(ascii: letter))
    }
    guard hasDay || fields == [UInt8(ascii: "s")] else {
      throw VarveError(
        .usage, "'\(pattern)' does not say the day",
        hint:
          "it needs %Y, %m and %d, or %s: for casino_db_20260301.tar.gz, 'casino_db_%Y%m%d.tar.gz'")
    }
    self.parts = parts
  }

  /// The time in `name`; nil when the name is not of the pattern, or says no possible time.
  public func time(in name: some Collection<UInt8>) -> Timestamp? {
    var fields: [UInt8: Int] = [:]
    guard match(parts[...], Array(name)[...], &fields) else { return nil }
    if let seconds = fields[UInt8(ascii: "s")] {
      return Timestamp(seconds: Int64(seconds), nanoseconds: 0)
    }
    func field(_ letter: Unicode.Scalar) -> Int { fields[UInt8(ascii: letter)] ?? 0 }
    return CivilTime(
      year: field("Y"), month: field("m"), day: field("d"), hour: field("H"),
      minute: field("M"), second: field("S")
    ).map { WallClock.local($0) }
  }

  private func match(
    _ parts: ArraySlice<Part>, _ name: ArraySlice<UInt8>, _ fields: inout [UInt8: Int]
  ) -> Bool {
    var parts = parts
    var name = name
    while let part = parts.popFirst() {
      switch part {
      case .literal(let byte):
        guard name.popFirst() == byte else { return false }
      case .anyByte:
        guard name.popFirst() != nil else { return false }
      case .anything:
        var rest = name
        while true {
          if match(parts, rest, &fields) { return true }
          guard rest.popFirst() != nil else { return false }
        }
      case .field(let letter, let digits):
        let run = name.prefix(digits.upperBound).prefix {
          (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        guard digits.contains(run.count) else { return false }
        fields[letter] = run.reduce(0) { $0 * 10 + Int($1 & 0xf) }
        name = name.dropFirst(run.count)
      }
    }
    return name.isEmpty
  }
}
