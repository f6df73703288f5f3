internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// Files of one chunk that were read and are still to be stored, so that their digests are computed side by side.
///
/// They stay open, since their metadata is read when they are encoded. What is gathered is about as much as a
/// core's second-level cache holds.
final class SmallFiles {
  private static let byteLimit = 1 << 20
  private static let countLimit = 64

  struct Member {
    /// Which entry of its directory.
    let index: Int
    let file: Int32
    let status: FileStatus
    let range: Range<Int>
    /// When work on it began; 0 when nobody wants to know.
    let start: UInt64
  }

  /// Bytes of the longest file that is read here.
  let longest: UInt64
  private let buffer: ReusableBuffer
  private var used = 0
  let lanes = SHA256Lanes()
  private(set) var members: [Member] = []

  /// - Parameter chunkMinimum: bytes up to which a file is one chunk.
  init(chunkMinimum: Int) throws {
    longest = UInt64(min(chunkMinimum, Self.byteLimit / 4))
    buffer = try ReusableBuffer(
      capacity: Self.byteLimit + (Self.countLimit + 1) * (BlockAssembler.headroom + 1))
  }

  deinit { removeAll() }

  func hasRoom(for size: Int) -> Bool {
    used + size <= Self.byteLimit && members.count < Self.countLimit
  }

  /// Reads a file whole.
  ///
  /// - Parameter status: of the open file, before; afterwards what it is then.
  /// - Returns: whether the file is a member now, which owns the descriptor. If not, it could not be read or changed
  ///   meanwhile.
  func read(_ file: Int32, _ index: Int, _ status: inout FileStatus, since start: UInt64) -> Bool {
    let before = FileSignature(status)
    let size = Int(before.size)
    let place = used + BlockAssembler.headroom
    var count = 0
    // One byte more than expected, so that a short answer also says that this is the end.
    while count < size {
      let got = varve_pread(file, buffer.base + place + count, size + 1 - count, Int64(count))
      if got <= 0 { return false }
      count += got
    }
    guard count == size, FileStatus.read(file, into: &status) == 0, status.isFile,
      FileSignature(status) == before
    else { return false }
    let range = place..<place + count
    members.append(Member(index: index, file: file, status: status, range: range, start: start))
    lanes.add(bytes(range))
    used = place + count
    return true
  }

  /// The content of a member; `BlockAssembler.headroom` bytes before it are nobody's.
  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: buffer.base + range.lowerBound, count: range.count)
  }

  func removeAll() {
    for member in members { close(member.file) }
    members.removeAll(keepingCapacity: true)
    lanes.removeAll()
    used = 0
  }
}

extension BackupWorker {
  /// Stores and encodes what `smallFiles` has.
  func storeSmallFiles(_ job: DirectoryJob, _ arenaIndex: Int) throws {
    guard !smallFiles.members.isEmpty else { return }
    defer { smallFiles.removeAll() }
    smallFiles.lanes.run()
    for (number, member) in smallFiles.members.enumerated() {
      let bytes = smallFiles.bytes(member.range)
      let id = smallFiles.lanes[number]
      let isNew = writer.claimData(id, count: bytes.count)
      if isNew { try writer.addClaimedData(id, chunkWithHeadroom: bytes) }
      chunkList.reset()
      holes.removeAll(keepingCapacity: true)
      try chunkList.append(
        ChunkReference(address: id, length: UInt32(bytes.count)), store: store(node:))
      session.progress.bytesDone.add(UInt64(bytes.count), ordering: .relaxed)
      let content = ArchivedContent(
        size: UInt64(bytes.count), digest: id, added: isNew ? UInt64(bytes.count) : 0)
      try encodeFile(
        job, member.index, member.file, member.status, content, into: &arena, arenaIndex)
      filesRead += 1
      note(job, member.index, content, since: member.start)
    }
  }
}
