import Glibc

/// Where a probe's URL leads: a host and a port.
package struct ProbedPlace: Equatable {
  package let host: String
  package let port: String

  /// Nil for what is no URL of HTTP.
  package init?(_ url: String) {
    guard let mark = url.firstRange(of: "://") else { return nil }
    let scheme = url[..<mark.lowerBound].lowercased()
    guard scheme == "http" || scheme == "https" else { return nil }
    let authority = url[mark.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let place = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] }
    let text = place ?? authority
    let end = text.lastIndex(of: "]")
    let colon = text[(end ?? text.startIndex)...].firstIndex(of: ":")
    let name = text[..<(colon ?? text.endIndex)]
    host = String(name.first == "[" ? name.dropFirst().dropLast() : name)
    let number = colon.map { text[text.index(after: $0)...] } ?? ""
    port = number.isEmpty ? (scheme == "https" ? "443" : "80") : String(number)
    guard !host.isEmpty else { return nil }
  }

  /// Whether somebody takes connections there, whatever they say then, if anything.
  package func takesConnections(within seconds: Int32) -> Bool {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, port, &hints, &found) == 0 else { return false }
    defer { freeaddrinfo(found) }
    var next = found
    while let address = next?.pointee {
      if Self.connects(address, within: seconds) { return true }
      next = address.ai_next
    }
    return false
  }

  private static func connects(_ address: addrinfo, within seconds: Int32) -> Bool {
    let socket = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
    guard socket >= 0 else { return false }
    defer { close(socket) }
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
    if connect(socket, address.ai_addr, address.ai_addrlen) == 0 { return true }
    guard errno == EINPROGRESS else { return false }
    var waiting = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    guard poll(&waiting, 1, seconds * 1000) > 0 else { return false }
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0
  }
}
