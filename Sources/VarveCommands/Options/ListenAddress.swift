import ArgumentParser

/// Where a server listens: `127.0.0.1:8443`, `[::1]:8443`, `backup.example:8443`; port 0 is any that is free.
package struct ListenAddress: ExpressibleByArgument, Hashable, Sendable {
  /// Without brackets.
  package let host: String
  package let port: Int

  package init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":"), colon != argument.startIndex,
      let port = UInt16(argument[argument.index(after: colon)...])
    else { return nil }
    var host = argument[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.host = String(host)
    self.port = Int(port)
  }

  /// Host and port as a URL has them.
  package static func text(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
