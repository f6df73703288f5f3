import Testing
import Varve
import VarveFormat
import VarveRepository

/// Tags that look alike: Macs spell "café" with two characters where others have one. The log knows them by their bytes, and
/// so do rules, filters and audits.
@Suite struct TagSpellingTests {
  private let one = "caf\u{e9}"
  private let two = "cafe\u{301}"

  @Test func anotherSpellingTakesNoPolicyAway() throws {
    var bench = try ForgetBench(days: 0)
    let tagged = try bench.add(day: 0, tags: [one])
    let other = try bench.add(day: 1, tags: [two])
    let newest = try bench.add(day: 2)
    let change = try PolicyChange(bench.repository)
    var rules = RetentionRules(tagLists: [[one]])
    rules[.last] = .limited(1)
    _ = try change.set(try change.policy(rules), for: nil)
    // Whoever may only write cannot take the tag out of the policy.
    let writers = try bench.add(day: 3, tags: [two], host: "another")
    let plan = try Forget(bench.repository).run(ForgetRequest(.policies))
    #expect(plan.removed.map(\.id) == [other])
    #expect(Set(bench.repository.liveSnapshots) == [tagged, newest, writers])
    try bench.expectObedience()
    let names = try PolicyNames(bench.repository)
    let policy = try #require(bench.repository.log.state.defaultPolicy?.keep)
    let words = names.rules(policy).tagLists.map { Array($0[0].utf8) }
    #expect(words == [Array(one.utf8)])
    #expect(names.tags.count == 2)
  }

  @Test func rulesAndFiltersGoByBytes() throws {
    let rules = RetentionRules(tagLists: [[one]])
    let items = [one, two].map { RetentionItem(time: Timestamp(seconds: 1), tags: [$0]) }
    #expect(rules.reasons(for: items, now: Timestamp(seconds: 2)).map(\.count) == [1, 0])
    #expect(RetentionRule.tags([one]) != .tags([two]) && RetentionRule.tags([two]) == .tags([two]))
    var bench = try ForgetBench(days: 0)
    let tagged = try bench.add(day: 0, tags: [one])
    try bench.add(day: 1, tags: [two])
    let filter = SnapshotFilter(tagLists: [[one]])
    let all = try Forget(bench.repository).plan(ForgetRequest(.everything, filter: filter))
    #expect(all.removed.map(\.id) == [tagged])
    var last = RetentionRules()
    last[.last] = .limited(1)
    let grouping = SnapshotGrouping(host: false, paths: false, tags: true)
    let plan = try Forget(bench.repository).plan(ForgetRequest(.rules(last, grouping)))
    #expect(plan.groups.count == 2 && plan.removed.isEmpty)
  }

  @Test func theForecastKnowsWhatAllHave() {
    let now = Timestamp(seconds: 1_790_000_000)
    let present = [one, two].enumerated().map { place, tag in
      RetentionForecast.Present(
        item: RetentionItem(
          time: Timestamp(seconds: now.seconds - 60 - Int64(place) * 86_400), tags: [tag]))
    }
    let forecast = RetentionForecast(
      present, rules: RetentionRules(tagLists: [[one]]), interval: 86_400, from: now)
    #expect(forecast.months.last?.counts == [1])
  }

  /// A policy keeps a tag that no snapshot has: it says so, and none that is called as that is shown is kept by it.
  @Test func aTagThatNothingHasIsShown() throws {
    var bench = try ForgetBench(days: 0)
    let change = try PolicyChange(bench.repository)
    var rules = RetentionRules(tagLists: [["nobody"]])
    rules[.last] = .limited(1)
    let policy = try change.policy(rules)
    let name = "#\(policy.tags[0].hex.prefix(8))"
    let named = try bench.add(day: 0, tags: [name])
    try bench.add(day: 1)
    _ = try change.set(policy, for: nil)
    let plan = try Forget(bench.repository).plan(ForgetRequest(.policies))
    #expect(
      plan.groups[0].rules?.description
        == "keep 1 latest snapshots and all snapshots with tags [[\(name)]]")
    #expect(plan.removed.map(\.id) == [named])
    var tag = RetentionPolicy()
    tag.tags = policy.tags
    let shown = RetentionRules(tag, tags: [:])
    #expect(!shown.isEmpty && shown.description.contains(name))
    #expect(!shown.text(hidesTags: true).contains(name))
    #expect(try change.policy(shown) == tag)
  }
}
