internal import COpenSSL
public import VarveFormat

/// SHA-256 of many messages of any lengths, sixteen side by side (`SHA256Sixteen`) while there are as many, then in
/// pairs (`SHA256Pair`): a lane that is done with its message goes on with the next one while the others are
/// still at work. Long messages are taken first, so that little of the last is left to one lane alone.
///
/// Belongs to one thread at a time. Memory grows to 56 bytes for each message of the longest list.
public final class SHA256Lanes {
  private static let blockLength = 64
  /// Messages from this length on are begun before others.
  private static let longLength = 32 << 10

  /// A message under way.
  private struct Lane {
    var stream = varve_sha256_stream()
    var rest = UnsafeRawBufferPointer(start: nil, count: 0)
    var number = -1
  }

  private var sixteen: SHA256Sixteen?
  private var messages: [UnsafeRawBufferPointer] = []
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

  /// The digest of message `number`, counted from 0 in the order in which they were added.
  public subscript(number: Int) -> Digest { digests[number] }

  public func removeAll() {
    messages.removeAll(keepingCapacity: true)
    digests.removeAll(keepingCapacity: true)
  }

  /// Computes the digests of all messages. O(n).
  public func run() {
    digests.removeAll(keepingCapacity: true)
    digests.append(contentsOf: repeatElement(.zero, count: messages.count))
    sort()
    if sixteen != nil, messages.count >= SHA256Sixteen.minimum {
      begun = sixteen!.run(messages, order: order) { digests[$0] = $1 }
      begun.sort { $0.rest.count < $1.rest.count }
      order.removeAll(keepingCapacity: true)
    }
    runPairs()
  }

  private func sort() {
    order.removeAll(keepingCapacity: true)
    for number in messages.indices where messages[number].count >= Self.longLength {
      order.append(number)
    }
    order.sort { messages[$0].count > messages[$1].count }
    for number in messages.indices where messages[number].count < Self.longLength {
      order.append(number)
    }
  }

  private func runPairs() {
    var next = 0
    var one = Lane()
    start(&one, &next)
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
