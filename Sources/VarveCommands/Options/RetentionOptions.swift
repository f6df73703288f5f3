import ArgumentParser
import Varve
import VarveFormat

/// The rules that keep snapshots.
struct RetentionOptions: ParsableArguments {
  @Option(
    name: [.customShort("l"), .long],
    help: ArgumentHelp("Keep the newest n snapshots, or unlimited.", valueName: "n"))
  var keepLast: RetentionCountArgument?

  @Option(
    name: [.customShort("H"), .long],
    help: ArgumentHelp(
      "Keep the newest snapshot of each of the last n hours that have one.", valueName: "n"))
  var keepHourly: RetentionCountArgument?

  @Option(
    name: [.customShort("d"), .long], help: ArgumentHelp("The same of days.", valueName: "n"))
  var keepDaily: RetentionCountArgument?

  @Option(
    name: [.customShort("w"), .long], help: ArgumentHelp("The same of weeks.", valueName: "n"))
  var keepWeekly: RetentionCountArgument?

  @Option(
    name: [.customShort("m"), .long], help: ArgumentHelp("The same of months.", valueName: "n"))
  var keepMonthly: RetentionCountArgument?

  @Option(
    name: [.customShort("y"), .long], help: ArgumentHelp("The same of years.", valueName: "n"))
  var keepYearly: RetentionCountArgument?

  @Option(
    help: ArgumentHelp(
      "Keep all snapshots of a time before the newest, such as 2y5m7d3h.", valueName: "duration"))
  var keepWithin: RetentionDurationArgument?

  @Option(
    help: ArgumentHelp("Keep one snapshot of each hour of that time.", valueName: "duration"))
  var keepWithinHourly: RetentionDurationArgument?

  @Option(help: ArgumentHelp("The same of days.", valueName: "duration"))
  var keepWithinDaily: RetentionDurationArgument?

  @Option(help: ArgumentHelp("The same of weeks.", valueName: "duration"))
  var keepWithinWeekly: RetentionDurationArgument?

  @Option(help: ArgumentHelp("The same of months.", valueName: "duration"))
  var keepWithinMonthly: RetentionDurationArgument?

  @Option(help: ArgumentHelp("The same of years.", valueName: "duration"))
  var keepWithinYearly: RetentionDurationArgument?

  @Option(
    name: .customLong("keep-tag"),
    help: ArgumentHelp(
      "Keep snapshots that have all of these tags, '' for those without tags; may be repeated.",
      valueName: "tag[,tag…]"))
  var keepTags: [String] = []

  /// Whether any option was given, even one that keeps nothing.
  var isGiven: Bool {
    let counts = [keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly]
    let durations = [
      keepWithin, keepWithinHourly, keepWithinDaily, keepWithinWeekly, keepWithinMonthly,
      keepWithinYearly,
    ]
    return !keepTags.isEmpty || counts.contains { $0 != nil } || durations.contains { $0 != nil }
  }

  var rules: RetentionRules {
    var rules = RetentionRules(tagLists: keepTags.map(TagList.parseAll))
    rules[.last] = keepLast?.count ?? .zero
    rules[.hourly] = keepHourly?.count ?? .zero
    rules[.daily] = keepDaily?.count ?? .zero
    rules[.weekly] = keepWeekly?.count ?? .zero
    rules[.monthly] = keepMonthly?.count ?? .zero
    rules[.yearly] = keepYearly?.count ?? .zero
    rules[.within] = keepWithin?.duration ?? .zero
    rules[.withinHourly] = keepWithinHourly?.duration ?? .zero
    rules[.withinDaily] = keepWithinDaily?.duration ?? .zero
    rules[.withinWeekly] = keepWithinWeekly?.duration ?? .zero
    rules[.withinMonthly] = keepWithinMonthly?.duration ?? .zero
    rules[.withinYearly] = keepWithinYearly?.duration ?? .zero
    return rules
  }
}
