// Which sessions are at work, so that a pruner leaves alone what they have stored and not committed yet:
//
//     sessions/<32 hexadecimal digits>-start    stored before the session's first pack
//     sessions/<32 hexadecimal digits>-beat     stored again every ten minutes while packs are stored
//
// Both are empty but for a line feed: what counts is when the store says that they were stored. Both go when the session
// ends; those of a session that was killed are removed by a pruner. Markers only spare work: a session whose packs are
// condemned all the same notices it before it commits (docs/design.md, section 1).

internal import Glibc
internal import Synchronization
package import VarveFormat
package import VarveStorage

/// The marker of one session.
package final class SessionMarker: Sendable {
  package static let prefix = "sessions/"
  /// Seconds without a sign of life after which a session counts as dead.
  static let lifetime: Int64 = 1_800
  private static let interval: UInt64 = 600_000_000_000

  private let storage: any StorageBackend
  package let id: String
  /// When the last sign of life was given; 0 before the first.
  private let last = Mutex<UInt64>(0)

  package init(_ storage: any StorageBackend) {
    self.storage = storage
    let digits = (0..<2).map { _ in
      let text = String(UInt64.random(in: .min ... .max), radix: 16)
      return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
    id = digits.joined()
  }

  private var start: String { "\(Self.prefix)\(id)-start" }
  private var sign: String { "\(Self.prefix)\(id)-beat" }

  /// Gives a sign of life when it is time.
  ///
  /// - Throws: what storing throws: without its first marker a session must not go on.
  package func beat() throws {
    try last.withLock { last in
      let now = MonotonicClock.nanoseconds
      if last == 0 {
        try storage.put(start, [10])
      } else if now - last > Self.interval {
        try storage.put(sign, [10])
      } else {
        return
      }
      last = max(1, now)
    }
  }

  /// When the session began, by the store's clock; nil when it has not, or the store does not say.
  package func startTime() throws -> Timestamp? { try storage.modificationTime(start) }

  /// Says that the session is over. A marker that cannot be removed only delays the next pruner.
  package func remove() {
    last.withLock { last in
      guard last != 0 else { return }
      try? storage.remove(sign)
      try? storage.remove(start)
      last = 0
    }
  }
}

/// The sessions that a store has markers of.
struct Sessions {
  /// When the oldest session began that is at work; nil when there is none.
  private(set) var oldestStart: Timestamp?
  /// Markers of sessions that are dead.
  private(set) var deadMarkers: [String] = []

  /// - Parameters:
  ///   - own: the marker of whoever asks, which does not count.
  ///   - now: by the store's clock.
  init(_ storage: any StorageBackend, except own: SessionMarker?, now: Timestamp) throws {
    var names: [String: [String]] = [:]
    try storage.list(SessionMarker.prefix) { name, _ in
      let id = String(name.dropFirst(SessionMarker.prefix.count).prefix(32))
      names[id, default: []].append(name)
    }
    for (id, markers) in names where id != own?.id {
      let times = try markers.compactMap { try storage.modificationTime($0) }
      // A store that does not say when: whoever has a marker counts as being at work.
      guard let newest = times.max() else {
        oldestStart = Timestamp(seconds: 0)
        continue
      }
      guard now.seconds - newest.seconds < SessionMarker.lifetime else {
        deadMarkers += markers
        continue
      }
      let began = times.min() ?? newest
      oldestStart = min(oldestStart ?? began, began)
    }
  }
}
