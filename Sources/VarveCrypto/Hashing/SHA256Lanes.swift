internal import COpenSSL
public import VarveFormat

/// The next bytes of a stream, on their way into it.
struct ContinuedStream {
  let stream: SHA256Stream
  let bytes: UnsafeRawBufferPointer

  var context: UnsafeMutablePointer<varve_sha256_stream> { stream.context }
}

/// SHA-256 of many messages of any lengths, sixteen side by side (`SHA256Sixteen`) while there are as many, then in
/// pairs (`SHA256Pair`): a lane that is done with its message goes on with the next one while the others are
/// still at work. Long messages are taken first, so that little of the last is left to one lane alone.
/// Streams may go on beside the messages.
///
/// Belongs to one thread at a time. Memory grows to 56 bytes for each message of the longest list.
public final class SHA256Lanes {
  private static let blockLength = 64
  /// Stands for no message.
  static let none = -1
  /// Messages from this length on are begun before others.
  private static let longLength = 32 << 10

  /// A message under way.
  private struct Lane {
    var stream = varve_sha256_stream()
    var rest = UnsafeRawBufferPointer(start: nil, count: 0)
    var number = SHA256Lanes.none
  }

  private var sixteen: SHA256Sixteen?
  private var messages: [UnsafeRawBufferPointer] = []
  /// Number *n* of them has the number -2 - *n* among messages.
  private var continued: [ContinuedStream] = []
  /// The order in which messages are taken.
  private var order: [Int] = []
  /// Messages that were begun sixteen at a time; the longest last.
  private var begun: [SHA256Sixteen.Unfinished] = []
  /// In the order in which messages were added; known after `run`.
  private var digests: [Digest] = []

  public init() { sixteen = SHA256Sixteen.isSupported ? SHA256Sixteen() : nil }

  public var count: Int { messages.count }

  /// Adds a message, whose bytes must stay where they are until `run` returns.
  public func add(_ message: UnsafeRawBufferPointer) { messages.append(message) }

  /// Adds the next bytes of a stream, which must stay where they are until `run` returns; a stream once at most.
  public func add(_ bytes: UnsafeRawBufferPointer, to stream: SHA256Stream) {
    // Whole blocks begin behind the rest of the one that the stream is in.
    let lead = stream.takeLead(of: bytes)
    if lead < bytes.count {
      continued.append(
        ContinuedStream(stream: stream, bytes: UnsafeRawBufferPointer(rebasing: bytes[lead...])))
    }
  }

  /// The digest of message `number`, counted from 0 in the order in which they were added.
  public subscript(number: Int) -> Digest { digests[number] }

  public func removeAll() {
    messages.removeAll(keepingCapacity: true)
    digests.removeAll(keepingCapacity: true)
  }

  /// Computes the digests of all messages, and takes the streams' bytes into them. O(n).
  public func run() {
    digests.removeAll(keepingCapacity: true)
    digests.append(contentsOf: repeatElement(.zero, count: messages.count))
    sort()
    if sixteen != nil, order.count >= SHA256Sixteen.minimum {
      begun = sixteen!.run(messages, continued, order: order) { digests[$0] = $1 }
      begun.sort { $0.rest.count < $1.rest.count }
      order.removeAll(keepingCapacity: true)
    }
    runPairs()
    continued.removeAll(keepingCapacity: true)
  }

  private func sort() {
    order.removeAll(keepingCapacity: true)
    for number in messages.indices where messages[number].count >= Self.longLength {
      order.append(number)
    }
    for number in continued.indices { order.append(-2 - number) }
    order.sort { bytes($0).count > bytes($1).count }
    for number in messages.indices where messages[number].count < Self.longLength {
      order.append(number)
    }
  }

  private func bytes(_ number: Int) -> UnsafeRawBufferPointer {
    number < 0 ? continued[-2 - number].bytes : messages[number]
  }

  private func runPairs() {
    var next = 0
    var one = Lane()
    start(&one, &next)
    var two = Lane()
    start(&two, &next)
    while one.number != Self.none, two.number != Self.none {
      let common = min(one.rest.count, two.rest.count) & ~(Self.blockLength - 1)
      if common > 0 {
        let first = Self.take(common, &one)
        let second = Self.take(common, &two)
        SHA256Pair.update(&one.stream, first, &two.stream, second)
      }
      if one.rest.count < Self.blockLength { finish(&one, &next) }
      if two.number != Self.none, two.rest.count < Self.blockLength { finish(&two, &next) }
    }
    while one.number != Self.none { finish(&one, &next) }
    while two.number != Self.none { finish(&two, &next) }
  }

  private static func take(_ count: Int, _ lane: inout Lane) -> UnsafeRawBufferPointer {
    defer { lane.rest = UnsafeRawBufferPointer(rebasing: lane.rest[count...]) }
    return UnsafeRawBufferPointer(rebasing: lane.rest[..<count])
  }

  private func start(_ lane: inout Lane, _ next: inout Int) {
    if let unfinished = begun.popLast() {
      lane = Lane(stream: unfinished.stream, rest: unfinished.rest, number: unfinished.number)
      return
    }
    guard next < order.count else {
      lane.number = Self.none
      return
    }
    lane.number = order[next]
    lane.rest = bytes(lane.number)
    if lane.number < 0 {
      lane.stream = continued[-2 - lane.number].context.pointee
    } else {
      varve_sha256_stream_init(&lane.stream)
    }
    next += 1
  }

  /// Ends the lane's message alone, and gives it the next one.
  private func finish(_ lane: inout Lane, _ next: inout Int) {
    if let rest = lane.rest.baseAddress, lane.rest.count > 0 {
      varve_sha256_stream_update(&lane.stream, rest, lane.rest.count)
    }
    if lane.number < 0 {
      continued[-2 - lane.number].context.pointee = lane.stream
    } else {
      digests[lane.number] = Digest.filled { varve_sha256_stream_finish(&lane.stream, $0) }
    }
    start(&lane, &next)
  }
}
