import Glibc
package import VarveCrypto
import VarveFormat

/// Reads small secrets from files and commands straight into memory that is zeroed afterwards.
package enum SecretFile {
  private static let byteLimit = 64 << 10

  /// The file's bytes without line ends at its end. `-` is not standard input here: that may be the
  /// data of a backup.
  package static func password(at path: String) throws -> SecretBytes {
    try contents(of: path, droppingLineEnds: true)
  }

  /// The text of a key file or recovery key.
  package static func keyText(at path: String) throws -> SecretBytes {
    try contents(of: path, droppingLineEnds: false)
  }

  /// What a shell command prints, without line ends at its end.
  ///
  /// - Throws: `io` when the command cannot be run or fails; its standard error is ours.
  package static func password(command: String) throws -> SecretBytes {
    let pipe = try Pipe()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pipe.writing, 1)
    var child = pid_t()
    let status = RawArgument.withCStrings(["/bin/sh", "-c", command]) {
      posix_spawn(&child, "/bin/sh", &actions, nil, $0, environ)
    }
    close(pipe.writing)
    guard status == 0 else {
      close(pipe.reading)
      errno = status
      throw failure("cannot run the password command")
    }
    let secret: SecretBytes
    do {
      defer { close(pipe.reading) }
      secret = try read(pipe.reading, "the password command", droppingLineEnds: true)
    } catch {
      _ = outcome(of: child)
      throw error
    }
    if let failure = outcome(of: child) {
      throw VarveError(
        .io, "the password command failed with \(failure)", hint: "run it by hand to see why")
    }
    return try required(secret, "the password command")
  }

  /// Waits for `child`; nil when it ended well.
  private static func outcome(of child: pid_t) -> String? {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    guard status != 0 else { return nil }
    // A raw wait status: the low seven bits are the signal, the next byte the exit code.
    return status & 0x7f == 0 ? "exit code \(status >> 8 & 0xff)" : "signal \(status & 0x7f)"
  }

  private static func required(_ secret: consuming SecretBytes, _ name: String) throws
    -> SecretBytes
  {
    guard secret.count > 0 else {
      throw VarveError(.usage, "\(name) is empty", hint: "it should give a password or a key")
    }
    return secret
  }

  private static func contents(of path: String, droppingLineEnds: Bool) throws -> SecretBytes {
    let name = ByteText.printable(RawArgument.bytes(path))
    let file = open(RawArgument.cString(path), O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure("cannot open \(name)") }
    defer { close(file) }
    return try required(try read(file, name, droppingLineEnds: droppingLineEnds), name)
  }

  private static func read(_ file: Int32, _ name: String, droppingLineEnds: Bool) throws
    -> SecretBytes
  {
    let start = UnsafeMutableRawPointer.allocate(byteCount: byteLimit, alignment: 16)
    let buffer = UnsafeMutableRawBufferPointer(start: start, count: byteLimit)
    defer {
      explicit_bzero(start, byteLimit)
      start.deallocate()
    }
    var count = 0
    while true {
      guard count < buffer.count else {
        throw VarveError(.usage, "\(name) gives more than \(byteLimit >> 10) KiB")
      }
      let received = Glibc.read(file, start + count, buffer.count - count)
      if received == 0 { break }
      if received < 0 {
        if errno == EINTR { continue }
        throw failure("cannot read \(name)")
      }
      count += received
    }
    if droppingLineEnds {
      while count > 0, buffer[count - 1] == 0x0a || buffer[count - 1] == 0x0d { count -= 1 }
    }
    return SecretBytes(copying: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }

  private static func failure(_ what: String) -> VarveError {
    VarveError(.io, "\(what): \(String(cString: strerror(errno)))")
  }
}
