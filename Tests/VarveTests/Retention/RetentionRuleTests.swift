import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveTestSupport

@Suite struct RetentionRuleTests {
  private func back(_ text: String, _ span: String) throws -> String {
    let time = try #require(Timestamp(text))
    return try time.going(back: #require(RetentionDuration(span))).precise
  }

  @Test func goingBackFollowsTheCalendar() throws {
    #expect(try back("2026-03-31T10:00:00Z", "1m") == "2026-03-03T10:00:00.000000000Z")
    #expect(try back("2024-02-29T00:00:00Z", "1y") == "2023-03-01T00:00:00.000000000Z")
    #expect(try back("2026-01-15T23:30:00+02:00", "1m") == "2025-12-15T23:30:00.000000000+02:00")
    #expect(try back("2026-01-01T00:00:00.5Z", "1d1h") == "2025-12-30T23:00:00.500000000Z")
    #expect(
      try back("2026-05-05T00:00:00-05:00", "2y5m7d3h") == "2023-11-27T21:00:00.000000000-05:00")
    let time = Timestamp(seconds: 1_800_000_000)
    let span = RetentionDuration(years: 999_999, months: 999_999, days: 999_999, hours: 999_999)
    #expect(time.going(back: span).seconds < -30_000_000_000_000)
    #expect(time.going(forwardMonths: 12).seconds == 1_800_000_000 + 365 * 86_400)
  }

  @Test func rulesReadAsInRestic() {
    var rules = RetentionRules()
    #expect(rules.isEmpty && rules.description == "remove")
    rules[.last] = .limited(3)
    rules[.daily] = .unlimited
    rules[.withinHourly] = RetentionDuration(days: 2)
    rules[.within] = RetentionDuration(hours: 5)
    rules.tagLists = [["a"], ["b", "c"]]
    #expect(
      rules.description == "keep 3 latest, all daily snapshots, hourly snapshots within 2d and all "
        + "snapshots with tags [[a] [b, c]] and all snapshots within 5h of the newest")
    #expect(!rules.text(hidesTags: true).contains("[a]"))
    rules[.daily] = .zero
    #expect(!rules.description.contains("daily"))
    #expect(
      rules.rules.map { "\($0.option.name)=\($0.option.value)" } == [
        "--keep-tag=a", "--keep-tag=b,c", "--keep-within=5h", "--keep-last=3",
        "--keep-within-hourly=2d",
      ])
  }

  @Test func groupsAsInRestic() throws {
    var headings: [SnapshotHeading] = []
    var count = 0
    for record in try VectorFile.records("retention.txt") {
      if let text = try? record.text("grouped") {
        headings = try text.split(separator: " ").map { snapshot in
          let parts = snapshot.split(separator: "|", omittingEmptySubsequences: false)
          return SnapshotHeading(
            SnapshotRecord(
              time: try #require(Timestamp(String(parts[0]))), host: Array(parts[1].utf8), user: [],
              uid: 0, gid: 0, paths: parts[2].split(separator: ",").map { Array($0.utf8) },
              tags: parts[3].split(separator: ",").map(String.init),
              tree: SnapshotRecord.Tree(id: .zero, root: .zero, entries: 0), program: "test"))
        }
      }
      guard let names = try? record.text("group-by") else { continue }
      count += 1
      let grouping = SnapshotGrouping(
        host: names.contains("host"), paths: names.contains("paths"), tags: names.contains("tags"))
      let groups = Dictionary(grouping: headings.indices) { grouping.key(headings[$0]) }.values
      let mine = Set(groups.map { $0.map(String.init).joined(separator: " ") })
      let theirs = try record.text("groups").split(separator: ";")
        .map { String($0.drop { $0 == " " }) }
      #expect(mine == Set(theirs), "\(record.description): \(names)")
    }
    #expect(count == 8)
  }
}
