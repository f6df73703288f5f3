internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// Has packs read by all workers, each taking the next one.
struct DataCheck {
  let session: CheckSession

  private func totals(_ packs: [Digest], _ sizes: [Digest: UInt64]) {
    session.progress.packsTotal.store(UInt64(packs.count), ordering: .relaxed)
    let bytes = packs.reduce(UInt64(0)) { $0 &+ (sizes[$1] ?? 0) }
    session.progress.bytesTotal.store(bytes, ordering: .relaxed)
  }

  /// Verifies packs down to their chunks.
  ///
  /// - Returns: chunks that were verified.
  func run(
    _ packs: [Digest], _ sizes: [Digest: UInt64], _ keyring: PackKeyring, _ checked: CheckedIndex,
    _ lost: LostPlaces
  ) throws -> UInt64 {
    totals(packs, sizes)
    guard !packs.isEmpty else { return 0 }
    try session.began(.data)
    let next = Atomic<Int>(0)
    let verified = Atomic<UInt64>(0)
    let session = session
    try WorkerThreads.run(count: min(session.workers, packs.count)) { _ in
      let check = try PackCheck(session: session, keyring: keyring, checked: checked, lost: lost)
      defer { verified.add(check.chunksVerified, ordering: .relaxed) }
      try check.run {
        let number = next.add(1, ordering: .relaxed).oldValue
        return number < packs.count ? (packs[number], sizes[packs[number]] ?? 0) : nil
      }
    }
    return verified.load(ordering: .relaxed)
  }

  /// Verifies the digests of objects, which takes no key.
  func runKeyless(_ names: [(name: String, digest: Digest, size: UInt64)]) throws {
    session.progress.packsTotal.store(UInt64(names.count), ordering: .relaxed)
    session.progress.bytesTotal.store(names.reduce(0) { $0 &+ $1.size }, ordering: .relaxed)
    guard !names.isEmpty else { return }
    try session.began(.data)
    let next = Atomic<Int>(0)
    let session = session
    try WorkerThreads.run(count: min(session.workers, names.count)) { _ in
      let buffer = try ReusableBuffer(capacity: ObjectHash.windowByteCount)
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < names.count else { return }
        let (name, digest, size) = names[number]
        do {
          let found = try ObjectHash.digest(name, size: size, from: session.storage, buffer) {
            session.progress.bytesRead.add($0, ordering: .relaxed)
            try session.cancellation.check()
          }
          guard found == digest else {
            throw VarveError(.damaged, "its bytes do not have that digest")
          }
        } catch {
          try session.add(name, error)
        }
        session.progress.packsRead.add(1, ordering: .relaxed)
      }
    }
  }
}
