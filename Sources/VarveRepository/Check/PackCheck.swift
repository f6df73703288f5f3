internal import Synchronization
internal import VarveCrypto
internal import VarveFormat

/// Reads packs whole and verifies every byte of them. One per thread.
///
/// Six packs are on their way at a time, each read once from front to back (`PackPass`): their names are hashed side by
/// side with the chunks of as many of their blocks as can be open together. Blocks decode to about 2.7 times
/// their length, so of sixteen lanes the names have about four; with six, none of them is the last to be done.
final class PackCheck {
  private let session: CheckSession
  private let open: OpenBlocks
  private static let passCount = 6

  private let passes: [PackPass]

  init(
    session: CheckSession, keyring: PackKeyring, checked: CheckedIndex, lost: LostPlaces
  ) throws {
    self.session = session
    let open = try OpenBlocks()
    self.open = open
    passes = try (0..<Self.passCount).map { _ in
      try PackPass(
        session: session, keyring: keyring, checked: checked, lost: lost, open: open)
    }
  }

  var chunksVerified: UInt64 { passes.reduce(0) { $0 &+ $1.chunksVerified } }

  /// Checks packs until `next` has no more.
  ///
  /// - Parameter next: a pack, and its size by the log.
  /// - Throws: `.interrupted`; damage is recorded.
  func run(_ next: () -> (pack: Digest, size: UInt64)?) throws {
    while true {
      try session.cancellation.check()
      for pass in passes {
        // A pack of which nothing can be read is done at once.
        while !pass.isActive, let (pack, size) = next() { try pass.begin(pack, size: size) }
      }
      guard passes.contains(where: \.isActive) else { return }
      try open.removeAll()
      while !open.isFull, try openNext() {}
      for pass in passes { pass.hashPending() }
      open.lanes.run()
      for pass in passes where pass.isActive { try pass.verifyBlocks() }
    }
  }

  /// Opens a block of the pack that has the fewest bytes pending, if it can.
  ///
  /// - Returns: false when no pack has one to open.
  private func openNext() throws -> Bool {
    var tried = 0
    while tried < 1 << passes.count - 1 {
      var least = -1
      for (number, pass) in passes.enumerated() where tried & 1 << number == 0 {
        if least < 0 || pass.pendingByteCount < passes[least].pendingByteCount { least = number }
      }
      if try passes[least].openNext() { return true }
      tried |= 1 << least
    }
    return false
  }
}
