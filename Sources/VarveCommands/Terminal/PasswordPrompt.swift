import Glibc
import VarveCrypto
import VarveFormat
import VarveRepository

/// Asks for a password on the terminal, with echo off.
enum PasswordPrompt {
  private static let byteLimit = 4096

  /// Whether there is a terminal to ask on.
  static var isPossible: Bool {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    if terminal >= 0 { close(terminal) }
    return terminal >= 0
  }

  /// What begins the options and the variables that say the same.
  struct Prefixes {
    var option = "--"
    var variable = "VARVE_"
  }

  /// - Throws: `interrupted` on SIGINT or end of file, `usage` without a terminal.
  static func ask(_ question: String, _ prefixes: Prefixes = Prefixes()) throws -> SecretBytes {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard terminal >= 0 else { throw noTerminal(prefixes) }
    defer { close(terminal) }
    var saved = termios()
    guard tcgetattr(terminal, &saved) == 0 else { throw noTerminal(prefixes) }
    var silent = saved
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(terminal, TCSAFLUSH, &silent)
    defer {
      tcsetattr(terminal, TCSAFLUSH, &saved)
      write("\n", to: terminal)
    }
    // Only now: whoever answers at once, a program perhaps, must not have the answer flushed.
    write(question + ": ", to: terminal)
    return try line(from: terminal)
  }

  /// Asks twice, until both answers agree; at most three times.
  static func askTwice(_ question: String) throws -> SecretBytes {
    for _ in 0..<3 {
      let first = try ask(question)
      guard first.count > 0 else {
        throw VarveError(
          .usage, "the password is empty", hint: "choose one; nothing else protects the repository")
      }
      let second = try ask("once more")
      if first.isEqual(to: second) { return first }
      write("varve: the two differ\n", to: 2)
    }
    throw VarveError(.usage, "no password was chosen", hint: "type the same password twice")
  }

  private static func line(from terminal: Int32) throws -> SecretBytes {
    let start = UnsafeMutableRawPointer.allocate(byteCount: byteLimit, alignment: 16)
    defer {
      explicit_bzero(start, byteLimit)
      start.deallocate()
    }
    var count = 0
    while count < byteLimit {
      // Handlers restart `read`; `poll` is what a signal interrupts.
      var ready = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
      if poll(&ready, 1, -1) < 0 {
        try Interruption.flag.check()
        continue
      }
      let received = read(terminal, start + count, 1)
      if received < 0 && errno == EINTR { continue }
      guard received > 0 else {
        throw VarveError(.interrupted, "no password was given")
      }
      if start.load(fromByteOffset: count, as: UInt8.self) == UInt8(ascii: "\n") {
        return SecretBytes(copying: UnsafeRawBufferPointer(start: start, count: count))
      }
      count += 1
    }
    throw VarveError(.usage, "the password is longer than \(byteLimit) bytes")
  }

  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(descriptor, bytes, bytes.count)
  }

  private static func noTerminal(_ prefixes: Prefixes) -> VarveError {
    let (option, variable) = (prefixes.option, prefixes.variable)
    return VarveError(
      .usage, "a password is needed and there is no terminal to ask on",
      hint: "give \(option)password-file, \(option)password-command or \(option)key-file (or set "
        + "\(variable)PASSWORD_FILE, \(variable)PASSWORD_COMMAND or \(variable)KEY_FILE)")
  }
}
