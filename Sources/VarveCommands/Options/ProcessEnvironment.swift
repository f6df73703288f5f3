import Glibc
import VarveOperations

/// Environment variables, read once at the start.
package struct ProcessEnvironment: Sendable {
  package let variables: [String: String]

  package init(_ variables: [String: String]) { self.variables = variables }

  /// The variables that Varve looks at; secrets are not among them (see `SecretEnvironment`).
  package static let current: ProcessEnvironment = {
    let names = [
      "HOME", "NO_COLOR", "TERM", "VARVE_CACERT", "VARVE_CACHE_DIR", "VARVE_CONFIG",
      "VARVE_CONNECTIONS",
      "VARVE_FROM_KEY_FILE", "VARVE_FROM_SERVER_TOKEN_FILE", "VARVE_LIMIT_DOWNLOAD",
      "VARVE_LIMIT_UPLOAD", "VARVE_RETRY_LIMIT", "VARVE_SERVER_TOKEN_FILE",
      "VARVE_FROM_PASSWORD_COMMAND", "VARVE_FROM_PASSWORD_FILE", "VARVE_FROM_REPOSITORY",
      "VARVE_KEY_FILE", "VARVE_MAX_COSIGNATURE_AGE", "VARVE_PASSWORD_COMMAND",
      "VARVE_PASSWORD_FILE", "VARVE_PASSWORD_MEMORY", "VARVE_PROGRESS_INTERVAL", "VARVE_REPOSITORY",
      "VARVE_STATE_DIR",
      "VARVE_TSA_CA",
      "TMPDIR", "VARVE_WITNESS_POLICY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
    ]
    var variables: [String: String] = [:]
    for name in names {
      if let value = getenv(name) {
        variables[name] = RawArgument.text(String(cString: value), value)
      }
    }
    return ProcessEnvironment(variables)
  }()

  /// The names of all variables that this process has.
  package static func names() -> Set<String> {
    var names: Set<String> = []
    var place = environ
    while let entry = place.pointee {
      place += 1
      let bytes = UnsafeRawBufferPointer(start: entry, count: strlen(entry))
      names.insert(String(decoding: bytes.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self))
    }
    return names
  }

  /// A variable; nil when it is unset or empty.
  package subscript(name: String) -> String? {
    guard let value = variables[name], !value.isEmpty else { return nil }
    return value
  }
}
