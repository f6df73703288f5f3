/// What a credential allows (docs/format.md, sections 4 and 12).
public enum Role: String, Hashable, Sendable, CaseIterable {
  /// Everything.
  case owner
  /// Appends snapshots; can read no content.
  case writer
  /// Reads content; appends nothing but check results.
  case reader
}

extension JSONValue {
  /// A role under `key`.
  public func role(_ key: String) throws -> Role {
    guard let role = Role(rawValue: try string(key)) else {
      throw VarveError(.damaged, "the JSON member \"\(key)\" is not a role")
    }
    return role
  }
}
