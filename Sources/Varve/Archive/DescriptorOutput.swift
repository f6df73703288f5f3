import Glibc
import VarveFormat

/// Writes a stream of bytes to a file descriptor, whole, in large pieces.
///
/// A reader that has gone away is an error (`.io`), never a signal: SIGPIPE is held back from the
/// writing thread during each write. Used by one thread at a time.
public final class DescriptorOutput {
  private static let bufferSize = 256 << 10

  private let descriptor: Int32
  private let name: String
  private var buffer: [UInt8] = []
  /// Bytes given to `write` so far.
  public private(set) var byteCount: UInt64 = 0

  /// - Parameters:
  ///   - descriptor: open for writing; stays open and the caller's.
  ///   - name: what errors call it.
  public init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
    buffer.reserveCapacity(Self.bufferSize)
  }

  /// Writes `bytes` after all earlier ones, now or at a later call.
  ///
  /// - Throws: `VarveError` with code `io`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    byteCount &+= UInt64(bytes.count)
    if buffer.count + bytes.count > Self.bufferSize { try flush() }
    if bytes.count >= Self.bufferSize {
      try writeAll(bytes)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Writes what is still held back.
  ///
  /// - Throws: `VarveError` with code `io`.
  public func flush() throws {
    guard !buffer.isEmpty else { return }
    defer { buffer.removeAll(keepingCapacity: true) }
    try buffer.withUnsafeBytes { try writeAll($0) }
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let (count, code) = writeWithoutSignal(
        UnsafeRawBufferPointer(rebasing: bytes[done...]))
      if count >= 0 {
        done += count
      } else if code == EAGAIN {
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = Glibc.poll(&poll, 1, -1)
      } else if code != EINTR {
        throw VarveError(
          .io, "cannot write \(name): \(String(cString: strerror(code)))",
          hint: code == EPIPE ? "the program that reads it has ended early" : nil)
      }
    }
  }

  private func writeWithoutSignal(_ bytes: UnsafeRawBufferPointer) -> (count: Int, code: Int32) {
    var pipe = sigset_t()
    var before = sigset_t()
    var pending = sigset_t()
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    sigpending(&pending)
    pthread_sigmask(SIG_BLOCK, &pipe, &before)
    let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    let code = errno
    if count < 0 && code == EPIPE && sigismember(&pending, SIGPIPE) == 0 {
      var now = timespec()
      _ = sigtimedwait(&pipe, nil, &now)
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
    return (count, code)
  }
}
