// SHA-256 of sixteen messages side by side (`varve_sha256_compress_sixteen`), of any lengths.
//
// A lane has one message: first its whole blocks where they lie, then its tail, one or two blocks with the rest, the
// padding and the length (FIPS 180-4, section 5.1.1), which is made in the lane's own room. Each step takes as
// many blocks as the lane with the fewest has. A lane without a message repeats what another one reads.
// A stream that goes on takes a lane like a message, begins with its state and has no tail.

internal import COpenSSL
internal import CVarveSHA256
internal import VarveFormat

/// Belongs to one thread at a time. 4 KiB.
struct SHA256Sixteen: ~Copyable {
  static let laneCount = 16
  /// With fewer messages under way, pairs are faster.
  static let minimum = 7
  static let isSupported = varve_sha256_sixteen_is_supported() && agreesWithLibrary()

  private static let blockLength = 64
  private static let initial: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
    0x5be0_cd19,
  ]

  private struct Lane {
    var message = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Which message or stream, by `SHA256Lanes`' numbers.
    var number = SHA256Lanes.none
    var blocksLeft = 0
    var isInTail = false
  }

  /// A message that was begun: the bytes that are still to be taken in, and the stream that has the others.
  struct Unfinished {
    let number: Int
    var stream: varve_sha256_stream
    let rest: UnsafeRawBufferPointer
  }

  private let states = UnsafeMutablePointer<UInt32>.allocate(capacity: 8 * laneCount)
  private let data = UnsafeMutablePointer<UnsafeRawPointer>.allocate(capacity: laneCount)
  private let tails = UnsafeMutableRawPointer.allocate(
    byteCount: 2 * blockLength * laneCount, alignment: blockLength)
  private let lanes = UnsafeMutablePointer<Lane>.allocate(capacity: laneCount)

  init() {
    states.initialize(repeating: 0, count: 8 * Self.laneCount)
    data.initialize(repeating: UnsafeRawPointer(tails), count: Self.laneCount)
    tails.initializeMemory(
      as: UInt8.self, repeating: 0, count: 2 * Self.blockLength * Self.laneCount)
    lanes.initialize(repeating: Lane(), count: Self.laneCount)
  }

  deinit {
    states.deallocate()
    data.deallocate()
    tails.deallocate()
    lanes.deallocate()
  }

  /// Computes digests until fewer than `minimum` messages and streams are left.
  ///
  /// - Parameters:
  ///   - order: the numbers of the messages and streams, in the order in which they are to be begun.
  ///   - finish: called with each message's number and digest.
  /// - Returns: those that are left, all of them begun.
  mutating func run(
    _ messages: [UnsafeRawBufferPointer], _ continued: [ContinuedStream], order: [Int],
    finish: (Int, Digest) -> Void
  ) -> [Unfinished] {
    var next = 0
    var active = 0
    func beginNext(_ lane: Int) {
      lanes[lane].number = SHA256Lanes.none
      while next < order.count, lanes[lane].number == SHA256Lanes.none {
        let number = order[next]
        next += 1
        if number >= 0 {
          begin(lane, number, messages[number])
        } else {
          begin(lane, number, continued[-2 - number])
        }
      }
    }
    for lane in 0..<Self.laneCount {
      beginNext(lane)
      if lanes[lane].number != SHA256Lanes.none { active += 1 }
    }
    while active > 0 {
      var step = Int.max
      var inTail = false
      var spare = UnsafeRawPointer(tails)
      for lane in 0..<Self.laneCount where lanes[lane].number != SHA256Lanes.none {
        step = min(step, lanes[lane].blocksLeft)
        inTail = inTail || lanes[lane].isInTail
        spare = data[lane]
      }
      // A tail cannot be handed over, and is short.
      if active < Self.minimum && !inTail { break }
      for lane in 0..<Self.laneCount where lanes[lane].number == SHA256Lanes.none {
        data[lane] = spare
      }
      varve_sha256_compress_sixteen(states, data, step)
      for lane in 0..<Self.laneCount where lanes[lane].number != SHA256Lanes.none {
        data[lane] += step * Self.blockLength
        lanes[lane].blocksLeft -= step
        guard lanes[lane].blocksLeft == 0 else { continue }
        let number = lanes[lane].number
        if number < 0 {
          giveBack(lane, continued[-2 - number])
        } else if lanes[lane].isInTail {
          finish(number, digest(lane))
        } else {
          beginTail(lane)
          continue
        }
        beginNext(lane)
        if lanes[lane].number == SHA256Lanes.none { active -= 1 }
      }
    }
    var left: [Unfinished] = []
    for lane in 0..<Self.laneCount where lanes[lane].number != SHA256Lanes.none {
      left.append(handOver(lane, continued))
    }
    return left
  }

  /// A stream that has less than a block to take in is done, and its lane free.
  private func begin(_ lane: Int, _ number: Int, _ continued: ContinuedStream) {
    let bytes = continued.bytes
    lanes[lane] = Lane(
      message: bytes, number: number, blocksLeft: bytes.count / Self.blockLength)
    guard let start = bytes.baseAddress, lanes[lane].blocksLeft > 0 else {
      giveBack(lane, continued)
      lanes[lane].number = SHA256Lanes.none
      return
    }
    let state = varve_sha256_stream_state(continued.context)
    for word in 0..<8 { states[word * Self.laneCount + lane] = state[word] }
    data[lane] = start
  }

  /// Gives a stream its lane's state, and what is less than a block.
  private func giveBack(_ lane: Int, _ continued: ContinuedStream) {
    let bytes = continued.bytes
    let taken = bytes.count / Self.blockLength * Self.blockLength
    if taken > 0 { copyState(of: lane, taken: taken, to: continued.context) }
    if let start = bytes.baseAddress, taken < bytes.count {
      varve_sha256_stream_update(continued.context, start + taken, bytes.count - taken)
    }
  }

  private func copyState(
    of lane: Int, taken: Int, to stream: UnsafeMutablePointer<varve_sha256_stream>
  ) {
    let state = varve_sha256_stream_state(stream)
    for word in 0..<8 { state[word] = states[word * Self.laneCount + lane] }
    varve_sha256_stream_count(stream, taken)
  }

  private func begin(_ lane: Int, _ number: Int, _ message: UnsafeRawBufferPointer) {
    lanes[lane] = Lane(
      message: message, number: number, blocksLeft: message.count / Self.blockLength)
    for word in 0..<8 { states[word * Self.laneCount + lane] = Self.initial[word] }
    if let start = message.baseAddress, lanes[lane].blocksLeft > 0 {
      data[lane] = start
    } else {
      beginTail(lane)
    }
  }

  private func beginTail(_ lane: Int) {
    let message = lanes[lane].message
    let rest = message.count % Self.blockLength
    let length = rest + 9 <= Self.blockLength ? Self.blockLength : 2 * Self.blockLength
    let tail = tails + 2 * Self.blockLength * lane
    if rest > 0, let start = message.baseAddress {
      tail.copyMemory(from: start + (message.count - rest), byteCount: rest)
    }
    (tail + rest).initializeMemory(as: UInt8.self, repeating: 0, count: length - rest)
    tail.storeBytes(of: 0x80, toByteOffset: rest, as: UInt8.self)
    tail.storeBytes(
      of: (UInt64(message.count) << 3).bigEndian, toByteOffset: length - 8, as: UInt64.self)
    data[lane] = UnsafeRawPointer(tail)
    lanes[lane].isInTail = true
    lanes[lane].blocksLeft = length / Self.blockLength
  }

  private func digest(_ lane: Int) -> Digest {
    Digest.filled { bytes in
      for word in 0..<8 {
        UnsafeMutableRawPointer(bytes).storeBytes(
          of: states[word * Self.laneCount + lane].bigEndian, toByteOffset: 4 * word,
          as: UInt32.self)
      }
    }
  }

  private func handOver(_ lane: Int, _ continued: [ContinuedStream]) -> Unfinished {
    let message = lanes[lane].message
    let taken =
      (message.count / Self.blockLength - lanes[lane].blocksLeft) * Self.blockLength
    var stream = varve_sha256_stream()
    let number = lanes[lane].number
    if number < 0 {
      stream = continued[-2 - number].context.pointee
    } else {
      varve_sha256_stream_init(&stream)
    }
    withUnsafeMutablePointer(to: &stream) { copyState(of: lane, taken: taken, to: $0) }
    return Unfinished(
      number: number, stream: stream,
      rest: UnsafeRawBufferPointer(rebasing: message[taken...]))
  }

  /// One look before the first use: digests of messages with every kind of tail are libcrypto's.
  private static func agreesWithLibrary() -> Bool {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
    return bytes.withUnsafeBytes { bytes in
      let messages = (0..<38).map { number in
        UnsafeRawBufferPointer(rebasing: bytes[number..<number * 26])
      }
      var agrees = true
      var sixteen = SHA256Sixteen()
      let left = sixteen.run(messages, [], order: Array(messages.indices)) { number, digest in
        agrees = agrees && digest == SHA256.digest(messages[number])
      }
      for var one in left {
        if let rest = one.rest.baseAddress {
          varve_sha256_stream_update(&one.stream, rest, one.rest.count)
        }
        let digest = Digest.filled { varve_sha256_stream_finish(&one.stream, $0) }
        agrees = agrees && digest == SHA256.digest(messages[one.number])
      }
      return agrees
    }
  }
}
