internal import COpenSSL
public import VarveFormat

/// SHA-256 of many messages, always two side by side (`SHA256Pair`), whatever their lengths: a lane that is
/// done with its message goes on with the next one while the other is still at work. A few messages, which are then
/// long ones, are taken longest first, so that little of the last is left to one lane alone.
///
/// Belongs to one thread at a time. Memory grows to 56 bytes for each message of the longest list.
public final class SHA256Lanes {
  private static let blockLength = 64
  /// Messages up to which it pays to sort them.
  private static let sortLimit = 16

  /// A message under way.
  private struct Lane {
    var stream = varve_sha256_stream()
    var rest = UnsafeRawBufferPointer(start: nil, count: 0)
    var number = -1
  }

  private var messages: [UnsafeRawBufferPointer] = []
  /// The order in which messages are taken.
  private var order: [Int] = []
  /// In the order in which messages were added; known after `run`.
  private var digests: [Digest] = []

  public init() {}

  public var count: Int { messages.count }

  /// Adds a message, whose bytes must stay where they are until `run` returns.
  public func add(_ message: UnsafeRawBufferPointer) { messages.append(message) }

  /// The digest of message `number`, counted from 0 in the order in which they were added.
  public subscript(number: Int) -> Digest { digests[number] }

  public func removeAll() {
    messages.removeAll(keepingCapacity: true)
    digests.removeAll(keepingCapacity: true)
  }

  /// Computes the digests of all messages. O(n).
  ///
  /// - Parameters:
  ///   - stream: another message, which takes in `bytes` meanwhile.
  public func run(beside stream: SHA256Stream? = nil, takingIn bytes: UnsafeRawBufferPointer? = nil)
  {
    digests.removeAll(keepingCapacity: true)
    digests.append(contentsOf: repeatElement(.zero, count: messages.count))
    order.removeAll(keepingCapacity: true)
    order.append(contentsOf: messages.indices)
    if messages.count <= Self.sortLimit {
      order.sort { messages[$0].count > messages[$1].count }
    }
    var next = 0
    var one = Lane()
    if let stream, let bytes {
      // Only whole blocks are taken side by side, which leaves the stream's own rest to it.
      pair(stream, bytes, &next, &one)
    } else {
      start(&one, &next)
    }
    var two = Lane()
    start(&two, &next)
    while one.number >= 0, two.number >= 0 {
      let common = min(one.rest.count, two.rest.count) & ~(Self.blockLength - 1)
      if common > 0 {
        let first = Self.take(common, &one)
        let second = Self.take(common, &two)
        SHA256Pair.update(&one.stream, first, &two.stream, second)
      }
      if one.rest.count < Self.blockLength { finish(&one, &next) }
      if two.number >= 0, two.rest.count < Self.blockLength { finish(&two, &next) }
    }
    while one.number >= 0 { finish(&one, &next) }
    while two.number >= 0 { finish(&two, &next) }
  }

  /// Takes `bytes` into a stream beside as many messages as there are meanwhile; leaves the last of them
  /// under way in `lane`.
  private func pair(
    _ stream: SHA256Stream, _ bytes: UnsafeRawBufferPointer, _ next: inout Int, _ lane: inout Lane
  ) {
    var bytes = bytes
    start(&lane, &next)
    while lane.number >= 0 {
      let common = min(lane.rest.count, bytes.count) & ~(Self.blockLength - 1)
      if common > 0 {
        let own = UnsafeRawBufferPointer(rebasing: bytes[..<common])
        let other = Self.take(common, &lane)
        stream.update(own, beside: &lane.stream, other)
        bytes = UnsafeRawBufferPointer(rebasing: bytes[common...])
      }
      if bytes.count < Self.blockLength { break }
      if lane.rest.count < Self.blockLength { finish(&lane, &next) }
    }
    stream.update(bytes)
  }

  private static func take(_ count: Int, _ lane: inout Lane) -> UnsafeRawBufferPointer {
    defer { lane.rest = UnsafeRawBufferPointer(rebasing: lane.rest[count...]) }
    return UnsafeRawBufferPointer(rebasing: lane.rest[..<count])
  }

  private func start(_ lane: inout Lane, _ next: inout Int) {
    guard next < messages.count else {
      lane.number = -1
      return
    }
    varve_sha256_stream_init(&lane.stream)
    lane.number = order[next]
    lane.rest = messages[lane.number]
    next += 1
  }

  /// Ends the lane's message alone, and gives it the next one.
  private func finish(_ lane: inout Lane, _ next: inout Int) {
    if let rest = lane.rest.baseAddress, lane.rest.count > 0 {
      varve_sha256_stream_update(&lane.stream, rest, lane.rest.count)
    }
    digests[lane.number] = Digest.filled { varve_sha256_stream_finish(&lane.stream, $0) }
    start(&lane, &next)
  }
}
