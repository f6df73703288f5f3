// Memory for secrets: locked where the system allows it, left out of core dumps, zeroed when given back.
//
//     up to 2,048 bytes    a slot of 64, 128 ... 2,048 bytes, in a slab of 64 KiB with others of its size
//     more                 pages of its own, unmapped when given back
//
// A page for each key would not do: a process may lock 8 MiB by default (RLIMIT_MEMLOCK), and a restore keeps the keys of 4,096
// packs; and each page that differs from its neighbours is a mapping, of which there are 65,530 at most. Slabs stay for the
// life of the process: as many as were in use at one time. A slot that is free holds the address of the next one, and zeros.

internal import Glibc
internal import Synchronization

enum SecretMemory {
  private struct FreeSlots: @unchecked Sendable {
    /// The first free slot of each size.
    var first: [UnsafeMutableRawPointer?] = Array(
      repeating: nil, count: slotShifts.upperBound - slotShifts.lowerBound + 1)
  }

  private static let slotShifts = 6...11
  private static let slabByteCount = 64 << 10
  private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
  private static let slots = Mutex(FreeSlots())

  /// Zeroed memory for `count` bytes. O(1), but for long secrets and new slabs.
  static func take(_ count: Int) -> UnsafeMutableRawPointer {
    guard let kind = slotKind(count) else { return pages(pageCapacity(count)) }
    return slots.withLock { slots in
      let slot = slots.first[kind] ?? slab(of: slotByteCount(kind))
      slots.first[kind] = next(after: slot).pointee
      next(after: slot).pointee = nil
      return slot
    }
  }

  /// Zeroes what `take` gave for `count` bytes, and takes it back.
  static func giveBack(_ start: UnsafeMutableRawPointer, _ count: Int) {
    guard let kind = slotKind(count) else {
      let capacity = pageCapacity(count)
      explicit_bzero(start, capacity)
      munmap(start, capacity)
      return
    }
    explicit_bzero(start, slotByteCount(kind))
    slots.withLock { slots in
      next(after: start).pointee = slots.first[kind]
      slots.first[kind] = start
    }
  }

  /// Which of the sizes of slots `count` bytes take; nil for none.
  private static func slotKind(_ count: Int) -> Int? {
    precondition(count >= 0, "a secret has no negative length")
    return slotShifts.first { count <= 1 << $0 }.map { $0 - slotShifts.lowerBound }
  }

  private static func slotByteCount(_ kind: Int) -> Int { 1 << (slotShifts.lowerBound + kind) }

  private static func pageCapacity(_ count: Int) -> Int {
    (count + pageSize - 1) / pageSize * pageSize
  }

  /// Where a free slot says which one comes after it.
  private static func next(
    after slot: UnsafeMutableRawPointer
  ) -> UnsafeMutablePointer<UnsafeMutableRawPointer?> {
    slot.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
  }

  /// The first of a slab of free slots.
  private static func slab(of size: Int) -> UnsafeMutableRawPointer {
    let start = pages(slabByteCount)
    for offset in stride(from: 0, to: slabByteCount - size, by: size) {
      next(after: start + offset).pointee = start + (offset + size)
    }
    return start
  }

  private static func pages(_ capacity: Int) -> UnsafeMutableRawPointer {
    let start = mmap(nil, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let start, start != MAP_FAILED else { fatalError("no memory for a secret") }
    // Either may be refused, which is no error.
    _ = mlock(start, capacity)
    _ = madvise(start, capacity, MADV_DONTDUMP)
    return start
  }
}
