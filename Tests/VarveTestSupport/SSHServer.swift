import Glibc
import VarveFormat

/// OpenSSH's sshd on a port of loopback, with keys made for it; whoever runs the tests logs in as themselves.
public final class SSHServer: Sendable {
  public let port: UInt16
  public let user: String
  /// Keys, configuration and log; a store may be beside them.
  public let directory: TemporaryDirectory
  private let process: BackgroundProcess

  /// Where Debian, Fedora and Alpine have it; nil when it is not installed.
  public static let program = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"]
    .first { (path: String) in access(path, X_OK) == 0 }

  /// The SFTP server as a program of its own; nil when it is not installed.
  public static let sftpServer = [
    "/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server",
  ].first { (path: String) in access(path, X_OK) == 0 }

  /// - Parameter subsystem: what answers to `sftp`.
  /// - Throws: `VarveError.Code.io` when it does not start.
  public init(subsystem: String = "internal-sftp") throws {
    guard let program = Self.program else { throw VarveError(.io, "openssh-server is missing") }
    directory = TemporaryDirectory("varve-sshd", in: "/dev/shm")
    user = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "root"
    for key in ["host", "client", "stranger"] {
      BackgroundProcess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", directory(key)])
    }
    // Debian's sshd wants it, and the service that makes it need not run.
    if getuid() == 0 { mkdir("/run/sshd", 0o755) }
    var port: UInt16 = 0
    var process: BackgroundProcess?
    for _ in 0..<5 {
      port = BackgroundProcess.freePort()
      try Self.write(
        """
        ListenAddress 127.0.0.1:\(port)
        HostKey \(directory("host"))
        AuthorizedKeysFile \(directory("client")).pub
        PidFile none
        StrictModes no
        UsePAM no
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        PermitRootLogin prohibit-password
        MaxStartups 100
        Subsystem sftp \(subsystem)

        """, to: directory("sshd_config"))
      let started = try BackgroundProcess(
        [program, "-D", "-e", "-f", directory("sshd_config")], log: directory("log"))
      if BackgroundProcess.waitForListener(on: port) {
        process = started
        break
      }
    }
    guard let process else { throw VarveError(.io, "sshd does not start") }
    (self.port, self.process) = (port, process)
    try knowHost(on: port)
  }

  /// Has clients that use `arguments` know the server on another port, too: a proxy's.
  public func knowHost(on port: UInt16) throws {
    let key = try Self.text(directory("host") + ".pub")
    let known = (try? Self.text(directory("known_hosts"))) ?? ""
    try Self.write("\(known)[127.0.0.1]:\(port) \(key)", to: directory("known_hosts"))
  }

  /// For ssh, so that it logs in here and takes nothing from the user's own configuration.
  public func arguments(key: String = "client", knownHosts: String = "known_hosts") -> [String] {
    [
      "-F", "/dev/null", "-i", directory(key), "-oIdentitiesOnly=yes", "-oIdentityAgent=none",
      "-oUserKnownHostsFile=\(directory(knownHosts))", "-oGlobalKnownHostsFile=/dev/null",
      "-oStrictHostKeyChecking=yes",
    ]
  }

  private static func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else { throw VarveError(.io, "a test cannot write \(path)") }
    fputs(text, file)
    fclose(file)
  }

  private static func text(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw VarveError(.io, "a test cannot read \(path)") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
