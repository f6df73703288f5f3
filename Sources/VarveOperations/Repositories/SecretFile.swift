import Glibc
package import VarveCrypto
import VarveFormat

/// Reads small secrets from files and commands straight into memory that is zeroed afterwards.
package enum SecretFile {
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
  /// - Parameters:
  ///   - timeout: seconds after which it is ended.
  ///   - isInterrupted: asked often; the command is ended when it throws.
  /// - Throws: `io` when the command cannot be run, fails, or takes too long; its standard error is ours. What
  ///   `isInterrupted` throws.
  package static func password(
    command: String, timeout: Double = 300, isInterrupted: () throws -> Void = {}
  ) throws -> SecretBytes {
    let name = "the password command"
    let buffer = SecretBuffer(name: name)
    try ShellCommand(command, name: name, timeout: timeout).run(
      isInterrupted: isInterrupted, read: buffer.read)
    return try required(buffer.secret(droppingLineEnds: true), name)
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
    guard file >= 0 else {
      throw VarveError(.io, "cannot open \(name): \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    let buffer = SecretBuffer(name: name)
    while try buffer.read(file) {}
    return try required(buffer.secret(droppingLineEnds: droppingLineEnds), name)
  }
}

/// Memory for a secret that is being read, zeroed afterwards.
private final class SecretBuffer {
  private static let byteLimit = 64 << 10

  private let name: String
  private let buffer: UnsafeMutableRawBufferPointer
  private var count = 0

  init(name: String) {
    self.name = name
    buffer = .allocate(byteCount: Self.byteLimit, alignment: 16)
  }

  deinit {
    if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
    buffer.deallocate()
  }

  /// Reads once; false at the end.
  ///
  /// - Throws: `io`; `usage` for more than a secret has.
  func read(_ file: Int32) throws -> Bool {
    guard count < buffer.count else {
      throw VarveError(.usage, "\(name) gives more than \(Self.byteLimit >> 10) KiB")
    }
    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
    let received = Glibc.read(file, rest.baseAddress, rest.count)
    guard received >= 0 else {
      if errno == EINTR { return true }
      throw VarveError(.io, "cannot read \(name): \(String(cString: strerror(errno)))")
    }
    count += received
    return received > 0
  }

  func secret(droppingLineEnds: Bool) -> SecretBytes {
    var end = count
    if droppingLineEnds {
      while end > 0, buffer[end - 1] == 0x0a || buffer[end - 1] == 0x0d { end -= 1 }
    }
    return SecretBytes(copying: UnsafeRawBufferPointer(rebasing: buffer[..<end]))
  }
}
