import Testing
import Varve
import VarveFormat

@Suite struct RetentionForecastTests {
  private let now = Timestamp(seconds: 1_790_000_000)

  private func present(_ count: Int, every interval: Int64) -> [RetentionForecast.Present] {
    (0..<count).map {
      RetentionForecast.Present(
        item: RetentionItem(time: Timestamp(seconds: now.seconds - 60 - Int64($0) * interval)))
    }
  }

  @Test func countsGrowUntilTheRulesAreFull() {
    var rules = RetentionRules()
    rules[.last] = .limited(3)
    rules[.daily] = .limited(7)
    rules[.monthly] = .limited(12)
    let forecast = RetentionForecast(
      present(2, every: 3600), rules: rules, interval: 3600, from: now)
    #expect(forecast.months.count == 12)
    for (number, month) in forecast.months.enumerated() {
      #expect(month.counts[0] == 3 && month.counts[1] == 7)
      // One of each month begun, and the oldest while there is room for it.
      #expect((number + 2...number + 3).contains(month.counts[2]) || month.counts[2] == 12)
      #expect(month.snapshots.count <= 3 + 7 + 12)
      #expect(month.snapshots == month.snapshots.sorted(by: >))
      #expect(month.snapshots.allSatisfy { $0 <= month.end })
      #expect(month.held == 0)
    }
    #expect(forecast.months.last?.counts[2] == 12)
    #expect(forecast.months.last?.end == now.going(forwardMonths: 12))
  }

  @Test(arguments: [3600, 7200, 50_000] as [Int64])
  func howOftenIsForgottenDoesNotMatter(interval: Int64) throws {
    var rules = RetentionRules()
    rules[.last] = .limited(2)
    rules[.hourly] = .limited(20)
    rules[.daily] = .limited(10)
    rules[.weekly] = .limited(5)
    rules[.yearly] = .limited(3)
    rules[.withinMonthly] = RetentionDuration(months: 8)
    let start = present(100, every: 21_600)
    let forecast = RetentionForecast(start, rules: rules, interval: interval, from: now)
    var all = start.map(\.item)
    var next = start[0].item.time.seconds + interval
    for month in forecast.months {
      while next <= month.end.seconds {
        all.insert(RetentionItem(time: Timestamp(seconds: next)), at: 0)
        let reasons = rules.reasons(for: all, now: Timestamp(seconds: next + 1))
        all = zip(all, reasons).filter { !$1.isEmpty }.map(\.0)
        next += interval
      }
      #expect(month.snapshots.map(\.seconds) == all.map(\.time.seconds))
    }
  }

  @Test func holdsLastAsLongAsTheyLast() {
    var rules = RetentionRules()
    rules[.last] = .limited(1)
    var snapshots = present(3, every: 86_400)
    let end = now.going(forwardMonths: 3)
    snapshots[1] = RetentionForecast.Present(
      item: snapshots[1].item, hold: .until(Timestamp(seconds: end.seconds - 1000)))
    snapshots[2] = RetentionForecast.Present(item: snapshots[2].item, hold: .permanent)
    let months = RetentionForecast(snapshots, rules: rules, interval: 86_400, from: now).months
    #expect(months.map(\.held) == [2, 2] + Array(repeating: 1, count: 10))
    #expect(months.map(\.snapshots.count) == [3, 3] + Array(repeating: 2, count: 10))
  }

  @Test func withoutRulesAllIsKept() {
    let months = RetentionForecast(
      present(5, every: 86_400), rules: nil, interval: 86_400, from: now
    )
    .months
    #expect(months[0].snapshots.count == 5 + 30 && months[0].counts.isEmpty)
    #expect(months[11].snapshots.count == 5 + 365)
  }

  @Test func tagsThatAllHaveAreExpectedOfTheNext() {
    let rules = RetentionRules(tagLists: [["nightly"]])
    let tagged = present(3, every: 86_400).map {
      RetentionForecast.Present(item: RetentionItem(time: $0.item.time, tags: ["nightly", "x"]))
    }
    let months = RetentionForecast(tagged, rules: rules, interval: 86_400, from: now, months: 1)
      .months
    #expect(months.map(\.counts) == [[33]])
  }

  @Test func thePaceIsTheMedian() {
    let times = [100_000, 96_400, 92_800, 50_000, 46_400].map { Timestamp(seconds: $0) }
    #expect(RetentionForecast.interval(of: times) == 3600)
    #expect(RetentionForecast.interval(of: Array(times.prefix(1))) == nil)
    #expect(RetentionForecast.interval(of: [Timestamp(seconds: 5), Timestamp(seconds: 5)]) == 60)
  }
}
