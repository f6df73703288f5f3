import Glibc

/// Variables of the environment that hold secrets.
package enum SecretEnvironment {
  /// The variables of AWS's tools, with `HOME`, below which their files lie.
  package static func ofAWS() -> [String: String] {
    var variables: [String: String] = [:]
    var place = environ
    while let entry = place.pointee {
      place += 1
      let text = String(cString: entry)
      guard let equals = text.firstIndex(of: "=") else { continue }
      let name = String(text[..<equals])
      guard name == "HOME" || name.hasPrefix("AWS_") else { continue }
      variables[name] = String(text[text.index(after: equals)...])
    }
    return variables
  }

  /// The bytes of a variable, which is then overwritten in place and removed, so that neither
  /// children nor `/proc/<pid>/environ` show it.
  package static func take<T>(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> T)
    rethrows -> T?
  {
    guard let value = getenv(name) else { return nil }
    let count = strlen(value)
    defer {
      explicit_bzero(value, count)
      unsetenv(name)
    }
    return try body(UnsafeRawBufferPointer(start: value, count: count))
  }
}
