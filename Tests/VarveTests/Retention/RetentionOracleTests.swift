import Testing
import Varve
import VarveFormat
import VarveTestSupport

/// Histories and what restic keeps of them (fixtures/vectors/retention.txt).
enum RetentionVectors {
  struct Case {
    let description: String
    let snapshots: [RetentionItem]
    let now: Timestamp
    let rules: RetentionRules
    /// By place; nil where restic refuses to remove all.
    let kept: [Int: [String]]?
  }

  static func cases() throws -> [Case] {
    var histories: [Int: [RetentionItem]] = [:]
    return try VectorFile.records("retention.txt").compactMap { record in
      if let number = try? record.integer("history") {
        histories[number] = try record.text("snapshots").split(separator: " ").map(item)
        return nil
      }
      guard let number = try? record.integer("of") else { return nil }
      let rules = try rules(try record.text("rules"))
      let kept = try? record.text("keep").split(separator: " ").map { entry in
        let parts = entry.split(separator: ":", maxSplits: 1)
        let place = try #require(Int(parts[0]))
        return (place, try parts[1].split(separator: ",").map { try reason($0, rules) })
      }
      return Case(
        description: record.description, snapshots: try #require(histories[number]),
        now: try #require(Timestamp(try record.text("now"))), rules: rules,
        kept: kept.map { Dictionary(uniqueKeysWithValues: $0) })
    }
  }

  static func item(_ text: Substring) throws -> RetentionItem {
    let parts = text.split(separator: "|")
    return RetentionItem(
      time: try #require(Timestamp(String(parts[0]))),
      tags: parts.count > 1 ? parts[1].split(separator: ",").map(String.init) : [])
  }

  static func rules(_ text: String) throws -> RetentionRules {
    var rules = RetentionRules()
    for option in text.split(separator: " ") {
      let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = String(parts[1])
      switch parts[0] {
      case "--keep-tag":
        rules.tagLists.append(
          value.split(separator: ",", omittingEmptySubsequences: false).map {
            String($0.drop { $0 == "_" })
          })
      case let name where name.hasPrefix("--keep-within"):
        let unit = name.dropFirst("--keep-within".count).drop { $0 == "-" }
        let rule = try #require(
          RetentionRules.DurationRule.allCases.first {
            $0.rawValue.lowercased() == "within\(unit)"
          })
        rules[rule] = try #require(RetentionDuration(value))
      case let name:
        let rule = try #require(
          RetentionRules.CountRule(rawValue: String(name.dropFirst("--keep-".count))))
        rules[rule] = value == "unlimited" ? .unlimited : .limited(try #require(Int64(value)))
      }
    }
    return rules
  }

  /// restic's words for a short reason.
  static func reason(_ short: Substring, _ rules: RetentionRules) throws -> String {
    if short.first == "t" {
      let list = rules.tagLists[try #require(Int(short.dropFirst()))]
      return "has tags [\(list.joined(separator: ", "))]"
    }
    if short == "w" { return "within \(rules[.within].text)" }
    let oldest = short.first == "o" ? "oldest " : ""
    let counted = ["L": "last", "H": "hourly", "D": "daily", "W": "weekly", "M": "monthly"]
    let rest = String(short.drop { $0 == "o" })
    if let word = counted[rest] { return "\(oldest)\(word) snapshot" }
    switch rest {
    case "Y": return "\(oldest)yearly snapshot"
    case "wh": return "\(oldest)hourly within \(rules[.withinHourly].text)"
    case "wd": return "\(oldest)daily within \(rules[.withinDaily].text)"
    case "ww": return "\(oldest)weekly within \(rules[.withinWeekly].text)"
    case "wm": return "\(oldest)monthly within \(rules[.withinMonthly].text)"
    case "wy": return "\(oldest)yearly within \(rules[.withinYearly].text)"
    default: throw VectorFile.Malformed(description: "no reason \(short)")
    }
  }
}

@Suite struct RetentionOracleTests {
  @Test func asResticDecides() throws {
    let cases = try RetentionVectors.cases()
    #expect(cases.count > 400)
    for example in cases {
      let reasons = example.rules.reasons(for: example.snapshots, now: example.now)
      let kept = reasons.enumerated().filter { !$0.element.isEmpty }
      let mine = Dictionary(
        uniqueKeysWithValues: kept.map { ($0.offset, $0.element.map(\.text)) })
      #expect(mine == example.kept ?? [:], "\(example.description): \(example.rules)")
    }
  }

  @Test func moreRulesKeepMore() throws {
    let cases = try RetentionVectors.cases()
    for (one, other) in zip(cases, cases.dropFirst()) {
      var both = one.rules
      both.tagLists += other.rules.tagLists
      for rule in RetentionRules.CountRule.allCases {
        both[rule] = max(both[rule], other.rules[rule])
      }
      for rule in RetentionRules.DurationRule.allCases where both[rule].isZero {
        both[rule] = other.rules[rule]
      }
      let few = kept(one.snapshots, one.rules, one.now)
      #expect(few.isSubset(of: kept(one.snapshots, both, one.now)), "\(one.description)")
    }
  }

  @Test func whatWasKeptStays() throws {
    for example in try RetentionVectors.cases() {
      let first = kept(example.snapshots, example.rules, example.now).sorted()
      let left = first.map { example.snapshots[$0] }
      #expect(
        kept(left, example.rules, example.now).count == left.count, "\(example.description)")
    }
  }

  private func kept(_ items: [RetentionItem], _ rules: RetentionRules, _ now: Timestamp) -> Set<Int>
  {
    let reasons = rules.reasons(for: items, now: now)
    return Set(items.indices.filter { !reasons[$0].isEmpty })
  }
}
