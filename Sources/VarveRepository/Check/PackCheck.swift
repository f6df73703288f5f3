internal import Synchronization
internal import VarveCrypto
internal import VarveFormat

/// Reads packs whole and verifies every byte of them. One per thread.
///
/// Two packs are on their way at a time, each read once from front to back (`PackPass`): their names are hashed side by
/// side, and so are the chunks of as many of their blocks as can be open together.
final class PackCheck {
  private let session: CheckSession
  private let open: OpenBlocks
  private let passes: [PackPass]

  init(
    session: CheckSession, keyring: PackKeyring, checked: CheckedIndex, lost: LostPlaces
  ) throws {
    self.session = session
    let open = try OpenBlocks()
    self.open = open
    passes = try (0..<2).map { _ in
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
      try openBlocks()
      hashNames()
      open.lanes.run()
      for pass in passes where pass.isActive { try pass.verifyBlocks() }
    }
  }

  /// Opens blocks of both packs, about as many bytes of each.
  private func openBlocks() throws {
    try open.removeAll()
    while !open.isFull {
      let behind = passes[1].pendingByteCount < passes[0].pendingByteCount
      let order = behind ? [passes[1], passes[0]] : passes
      guard try order.contains(where: { try $0.openNext() }) else { return }
    }
  }

  private func hashNames() {
    let first = passes[0].takePending()
    let second = passes[1].takePending()
    passes[0].hash.update(first, beside: passes[1].hash, second)
  }
}
