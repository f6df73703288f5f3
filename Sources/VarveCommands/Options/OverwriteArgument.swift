import ArgumentParser
import Varve

/// `always`, `if-changed`, `if-newer` or `never`.
struct OverwriteArgument: ExpressibleByArgument {
  let rule: RestoreOptions.Overwrite

  init?(argument: String) {
    guard let rule = RestoreOptions.Overwrite(rawValue: argument) else { return nil }
    self.rule = rule
  }

  private init(_ rule: RestoreOptions.Overwrite) { self.rule = rule }

  static let always = OverwriteArgument(.always)

  var defaultValueDescription: String { rule.rawValue }

  static var allValueStrings: [String] { RestoreOptions.Overwrite.allCases.map(\.rawValue) }
}
