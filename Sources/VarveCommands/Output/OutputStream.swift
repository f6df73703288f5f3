import Glibc
import Synchronization
import VarveFormat

/// Standard output: buffered, safe to use from several threads, and strict about failures.
///
/// A write that fails (a full disk, a closed pipe) is remembered: every later `write` and the final
/// `flush` throw it, so that no command reports success for output that was lost.
package final class OutputStream: Sendable {
  private struct State {
    var buffer: [UInt8] = []
    var failure: Int32 = 0
  }

  private static let flushThreshold = 64 << 10
  private let descriptor: Int32
  private let state = Mutex(State())
  /// Whether each line should appear at once.
  package let isTerminal: Bool

  package init(descriptor: Int32 = 1) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
  }

  /// - Parameter flushing: hand everything to the system at once.
  package func write(_ bytes: [UInt8], flushing: Bool = false) throws {
    try bytes.withUnsafeBytes { try write($0, flushing: flushing) }
  }

  package func write(_ bytes: UnsafeRawBufferPointer, flushing: Bool = false) throws {
    let code = state.withLock { state -> Int32 in
      if state.failure != 0 { return state.failure }
      if bytes.count >= OutputStream.flushThreshold {
        drain(&state)
        if state.failure == 0 { state.failure = put(bytes) }
        return state.failure
      }
      state.buffer.append(contentsOf: bytes)
      if flushing || isTerminal || state.buffer.count >= OutputStream.flushThreshold {
        drain(&state)
      }
      return state.failure
    }
    try OutputStream.check(code)
  }

  /// - Throws: `OutputClosed` when the reader has gone, else `VarveError` with code `io`.
  package func flush() throws {
    let code = state.withLock { state -> Int32 in
      drain(&state)
      return state.failure
    }
    try OutputStream.check(code)
  }

  private func drain(_ state: inout State) {
    guard state.failure == 0, !state.buffer.isEmpty else { return }
    state.failure = state.buffer.withUnsafeBytes { put($0) }
    state.buffer.removeAll(keepingCapacity: true)
  }

  private func put(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    var rest = bytes
    while let start = rest.baseAddress, !rest.isEmpty {
      let count = Glibc.write(descriptor, start, rest.count)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno == EAGAIN {
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&ready, 1, -1)
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }

  private static func check(_ code: Int32) throws {
    guard code != 0 else { return }
    if code == EPIPE { throw OutputClosed() }
    throw VarveError(
      .io, "standard output: \(String(cString: strerror(code)))",
      hint: "the output is incomplete; free some space or choose another place for it")
  }
}

/// Whoever read standard output has gone: `varve ls latest | head`. Not worth a message.
package struct OutputClosed: Error {}
