import Glibc
import VarveFormat
import VarveTestSupport

/// An authority of the tests' own, and certificates for loopback, made with openssl.
struct CertificateAuthority {
  static let shared = Result { try CertificateAuthority() }

  let directory: TemporaryDirectory

  var authority: String { directory("ca.pem") }
  var certificate: String { directory("server.pem") }
  var key: String { directory("server.key") }

  init() throws {
    directory = TemporaryDirectory()
    try Self.openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=test-authority "
        + "-keyout \(directory("ca.key")) -out \(authority)")
    try issue(certificate, key)
  }

  /// A certificate for 127.0.0.1 and localhost.
  func issue(_ certificate: String, _ key: String) throws {
    let request = certificate + ".csr"
    try Self.openssl(
      "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout \(key) "
        + "-out \(request)")
    let extensions = certificate + ".ext"
    try write("subjectAltName=DNS:localhost,IP:127.0.0.1\n", to: extensions)
    try Self.openssl(
      "x509 -req -in \(request) -CA \(authority) -CAkey \(directory("ca.key")) -CAcreateserial "
        + "-days 30 -extfile \(extensions) -out \(certificate)")
  }

  private func write(_ text: String, to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { throw VarveError(.io, "cannot write \(path)") }
    defer { close(file) }
    _ = text.withCString { Glibc.write(file, $0, strlen($0)) }
  }

  private static func openssl(_ arguments: String) throws {
    try ChildProgram(["openssl"] + arguments.split(separator: " ").map(String.init)).succeed()
  }
}

/// A program that a test runs to its end, its output dropped or in a file.
struct ChildProgram {
  let command: [String]
  var output = "/dev/null"

  init(_ command: [String], output: String = "/dev/null") {
    self.command = command
    self.output = output
  }

  /// - Returns: its exit code, or -1 if a signal ended it.
  func run() throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var pointers: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child = pid_t()
    guard posix_spawnp(&child, command[0], &actions, nil, &pointers, environ) == 0 else {
      throw VarveError(.io, "cannot run \(command[0])")
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : -1
  }

  func succeed() throws {
    let code = try run()
    guard code == 0 else { throw VarveError(.io, "\(command.joined(separator: " ")): \(code)") }
  }
}
