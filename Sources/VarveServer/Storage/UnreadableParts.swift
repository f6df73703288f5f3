import Synchronization

/// Where objects could not be read: an answer that had begun could only be cut off there. The next that is asked for such a part
/// is refused with a reason instead, unless it can be read by then.
final class UnreadableParts: Sendable {
  /// Parts that are remembered; beyond that, those that were found first are forgotten.
  private static let limit = 1_000

  private struct Part {
    let name: String
    let offset: UInt64
  }

  private let parts = Mutex<[Part]>([])

  func add(_ name: String, at offset: UInt64) {
    parts.withLock { parts in
      parts.removeAll { $0.name == name && $0.offset == offset }
      if parts.count == Self.limit { parts.removeFirst() }
      parts.append(Part(name: name, offset: offset))
    }
  }

  /// Tries those of an object that are in a range; one that can be read is none any more.
  ///
  /// - Throws: what `read` throws.
  func tryAgain(_ name: String, _ range: Range<UInt64>, _ read: (UInt64) throws -> Void) throws {
    let found = parts.withLock { $0.filter { $0.name == name && range.contains($0.offset) } }
    for part in found {
      try read(part.offset)
      parts.withLock { $0.removeAll { $0.name == name && $0.offset == part.offset } }
    }
  }
}
