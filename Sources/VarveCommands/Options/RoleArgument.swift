import ArgumentParser
import VarveFormat

/// `owner`, `writer` or `reader`.
struct RoleArgument: ExpressibleByArgument {
  let role: Role

  init?(argument: String) {
    guard let role = Role(rawValue: argument) else { return nil }
    self.role = role
  }

  private init(_ role: Role) { self.role = role }

  static let owner = RoleArgument(.owner)

  var defaultValueDescription: String { role.rawValue }

  static var allValueStrings: [String] { Role.allCases.map(\.rawValue) }
}
