/// A part of what a command writes, however much that is.
struct OutputCapture {
  let limit: Int
  /// Whether it is the end that counts, not the beginning.
  let keepsEnd: Bool
  private var kept: [UInt8] = []
  private(set) var isTruncated = false

  init(limit: Int, keepsEnd: Bool) {
    self.limit = max(0, limit)
    self.keepsEnd = keepsEnd
  }

  var bytes: [UInt8] { Array(keepsEnd ? kept.suffix(limit) : kept[...]) }

  mutating func append(_ piece: UnsafeRawBufferPointer) {
    if keepsEnd {
      kept.append(contentsOf: piece)
      if kept.count > limit { isTruncated = true }
      // Rarely, so that it costs nothing.
      if kept.count > limit + (1 << 16) { kept.removeFirst(kept.count - limit) }
    } else {
      let room = limit - kept.count
      kept.append(contentsOf: piece.prefix(room))
      if piece.count > room { isTruncated = true }
    }
  }
}
