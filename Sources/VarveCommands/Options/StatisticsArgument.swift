import ArgumentParser
import Varve

/// `restore-size`, `files-by-contents` or `raw-data`.
struct StatisticsArgument: ExpressibleByArgument {
  let measure: Statistics.Measure

  init?(argument: String) {
    guard let measure = Statistics.Measure(rawValue: argument) else { return nil }
    self.measure = measure
  }

  private init(_ measure: Statistics.Measure) { self.measure = measure }

  static let restoreSize = StatisticsArgument(.restoreSize)

  var defaultValueDescription: String { measure.rawValue }

  static var allValueStrings: [String] { Statistics.Measure.allCases.map(\.rawValue) }
}
