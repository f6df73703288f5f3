import Glibc
import VarveFormat

/// What the environment and the shared files say, as the AWS tools read them.
struct AWSSettings: Sendable {
  /// Larger files are not settings.
  private static let byteLimit = 1 << 20

  let environment: [String: String]

  /// Nil for one that is not set, or empty.
  func variable(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  var profileName: String? { variable("AWS_PROFILE") }

  /// The profile of `AWS_PROFILE`, or "default"; nil when no file has it.
  func profile() throws -> AWSProfile? {
    AWSProfile.read(
      profileName ?? "default", config: try text("AWS_CONFIG_FILE", "config"),
      credentials: try text("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
  }

  func region() throws -> String? {
    try variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ?? profile()?["region"]
  }

  /// A service that takes the place of AWS's own.
  func endpoint() throws -> String? {
    guard variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.lowercased() != "true" else {
      return nil
    }
    return try variable("AWS_ENDPOINT_URL_S3") ?? variable("AWS_ENDPOINT_URL")
      ?? profile()?["endpoint_url"]
  }

  private func text(_ name: String, _ file: String) throws -> String? {
    let path: String
    if let named = variable(name) {
      path = named
    } else if let home = variable("HOME") {
      path = "\(home)/.aws/\(file)"
    } else {
      return nil
    }
    return try Self.bytes(at: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Nil when there is no such file.
  static func bytes(at path: String) throws -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw failure(path)
    }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure(path) }
      guard count > 0 else { return bytes }
      guard bytes.count + count <= byteLimit else {
        throw VarveError(.usage, "\(path) is larger than a file of settings can be")
      }
      bytes += buffer[..<count]
    }
  }

  private static func failure(_ path: String) -> VarveError {
    VarveError(
      .io, "cannot read \(path): \(String(cString: strerror(errno)))",
      hint: "check who owns it and its permissions")
  }
}
