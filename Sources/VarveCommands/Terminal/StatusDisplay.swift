import Glibc
import Synchronization

/// Standard error: messages, and below them a few status lines that are redrawn in place.
///
/// Status lines appear only on a terminal that can move its cursor. Anything else that is printed
/// while they are shown goes above them.
package final class StatusDisplay: Sendable {
  private struct State {
    var lines: [String] = []
    /// Lines now on the screen; the cursor is at the start of the first.
    var drawn = 0
  }

  private let state = Mutex(State())
  /// Whether status lines can be drawn.
  package let canUpdate: Bool
  /// Whether messages may be coloured.
  package let hasColour: Bool

  package init(environment: ProcessEnvironment = .current) {
    let isTerminal = isatty(2) == 1
    canUpdate = isTerminal && environment["TERM"] != "dumb"
    hasColour = canUpdate && (environment["NO_COLOR"] ?? "").isEmpty
  }

  /// Replaces the status lines; each is cut to the terminal's width.
  package func show(_ lines: [String]) {
    guard canUpdate else { return }
    state.withLock { state in
      state.lines = lines
      StatusDisplay.put(StatusDisplay.erasure(&state) + StatusDisplay.drawing(&state))
    }
  }

  /// Removes the status lines for good.
  package func clear() {
    state.withLock { state in
      state.lines = []
      StatusDisplay.put(StatusDisplay.erasure(&state))
    }
  }

  /// Prints one line on standard error, above the status lines.
  package func print(_ line: String) {
    state.withLock { state in
      StatusDisplay.put(
        StatusDisplay.erasure(&state) + line + "\n" + StatusDisplay.drawing(&state))
    }
  }

  /// Runs `body` with the status lines taken off, so that it can print on the same terminal.
  package func aside<T>(_ body: () throws -> T) rethrows -> T {
    try state.withLock { state in
      StatusDisplay.put(StatusDisplay.erasure(&state))
      defer { StatusDisplay.put(StatusDisplay.drawing(&state)) }
      return try body()
    }
  }

  private static func erasure(_ state: inout State) -> String {
    guard state.drawn > 0 else { return "" }
    defer { state.drawn = 0 }
    return "\r\u{1b}[J"
  }

  private static func drawing(_ state: inout State) -> String {
    guard !state.lines.isEmpty else { return "" }
    let columns = width
    state.drawn = state.lines.count
    // The cursor goes back to the first line, where `erasure` expects it.
    let up = state.lines.count > 1 ? "\u{1b}[\(state.lines.count - 1)A" : ""
    return state.lines.map { TerminalText.truncated($0, to: columns - 1) }
      .joined(separator: "\n") + "\r" + up
  }

  /// Columns of the terminal on standard error; 80 when it does not say.
  package static var width: Int {
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  private static func put(_ text: String) {
    guard !text.isEmpty else { return }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
      if count < 0 && errno != EINTR { return }
      bytes = bytes.dropFirst(max(0, count))
    }
  }
}
