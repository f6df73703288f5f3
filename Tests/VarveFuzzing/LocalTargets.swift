import Glibc
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository

/// What a client keeps for itself. It is not hostile, but disks fail and versions change: whatever is in
/// these files, the worst is that they are not used. Sums are made right, for the reader behind them.
extension ParserTarget {
  static let localTargets: [ParserTarget] = [
    ParserTarget(
      "change-cache-head", tokens: ["VARVECHG"],
      seeds: {
        var writer = ByteWriter()
        writer.raw(Array("VARVECHG".utf8))
        writer.u32(1)
        writer.u32(0)
        writer.digest(Digest(1, 2, 3, 4))
        for number: UInt64 in [96, 1_000, 900, 3] { writer.u64(number) }
        return [writer.bytes]
      },
      recode: { bytes in
        let sealed = bytes + sum(bytes)
        return try FuzzRepository.shared.withFile("head", sealed) { path in
          guard let head = ChangeCacheHead.read(path) else { return nil }
          try require(head.write(path + ".again"), "a head cannot be written")
          try require(ChangeCacheHead.read(path + ".again") == head, "a head reads back as another")
          return nil
        }
      }),
    // One record at the start of a file; looked through as a backup does.
    ParserTarget(
      "change-cache-record", seeds: { records() },
      recode: { bytes in
        let bytes = withCheck(bytes)
        return try FuzzRepository.shared.withFile("records", bytes) { path in
          let file = open(path, O_RDONLY | O_CLOEXEC)
          defer { close(file) }
          guard
            let directory = CachedDirectory(file, offset: 0, limit: UInt64(bytes.count))
          else { return nil }
          for index in 0..<min(directory.count, 1_000) {
            guard let entry = directory.entry(index) else { continue }
            use(entry.body.last)
            use(entry.leaf)
          }
          use(directory.entry(-1)?.leaf)
          use(directory.entry(directory.count)?.leaf)
          for name in ["a", "b", "zz"] {
            var cursor = CacheCursor(directory)
            use(Array(name.utf8).withUnsafeBytes { cursor.find($0)?.leaf })
          }
          return nil
        }
      }),
    // The input is one entry of the file; its sum is made right.
    ParserTarget(
      "snapshot-headings",
      seeds: {
        var writer = ByteWriter()
        writer.digest(Digest(1, 2, 3, 4))
        writer.u64(1_772_362_800)
        writer.u32(5)
        writer.u32(3_600)
        writer.u8(0)
        writer.lengthPrefixed(Array("host".utf8))
        for items in [["/home", "/etc"], ["tag"]] {
          writer.uvarint(items.count)
          for item in items { writer.lengthPrefixed(Array(item.utf8)) }
        }
        return [writer.bytes]
      },
      recode: { bytes in
        let directory = FuzzRepository.shared.makeDirectory("headings")
        var file = ByteWriter()
        file.raw(Array("VARVESNP".utf8))
        file.u32(1)
        file.u32(0)
        file.u32(UInt32(bytes.count))
        file.raw(sum(bytes))
        file.raw(bytes)
        return try FuzzRepository.shared.withFile("headings/snapshots", file.bytes) { _ in
          let cache = HeadingCache(directory: directory)
          for heading in cache.headings.values {
            use(heading.time.precise)
            use(heading.time.utcSeconds)
            use(heading.tags)
          }
          return nil
        }
      }),
    // The client's copy of the log, and its remembered head.
    ParserTarget(
      "log-copy", tokens: ["varve/", "\n"],
      seeds: {
        let commit = FuzzRepository.shared.firstCommit
        var writer = ByteWriter()
        writer.u32(UInt32(commit.count))
        writer.raw(commit)
        let origin = FuzzRepository.shared.config.origin
        let head = TreeHead(size: 2, root: Digest(1, 2, 3, 4))
        return [writer.bytes, Array(Checkpoint(origin: origin, head: head).text.utf8)]
      },
      recode: { bytes in
        let shared = FuzzRepository.shared
        let name = "copies/\(shared.config.id.hex)"
        _ = shared.makeDirectory("copies")
        let base = shared.makeDirectory(name)
        let directories = ClientDirectories(
          cache: nil, state: String(base.dropLast(1 + 2 * Digest.byteCount)))
        let state = ClientState(directories, repository: shared.config.id)
        return try shared.withFile("\(name)/log", bytes) { _ in
          var fold = LogFold(config: shared.config, configDigest: shared.configDigest)
          for commit in try state.commits(from: 0) {
            guard (try? fold.append(commit: commit, isVerified: true)) != nil else { break }
          }
          return try shared.withFile("\(name)/checkpoint", bytes) { _ in
            use(try state.pin())
            return nil
          }
        }
      }),
  ]

  private static func sum(_ bytes: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.u64(SHA256.digest(bytes).prefix64)
    return writer.bytes
  }

  private static func records() -> [[UInt8]] {
    [0, 1, 3].map { count in
      let bodies = (0..<count).map { [1, UInt8(ascii: "a") + UInt8($0), 9, 9] }
      var writer = ByteWriter()
      writer.u32(UInt32(96 + count * 84))
      writer.u32(UInt32(count))
      writer.u32(UInt32(count * 4))
      writer.u32(0)
      writer.digest(Digest(1, 1, 1, 1))
      writer.digest(Digest(2, 2, 2, 2))
      writer.u64(UInt64(count))
      writer.u64(0)
      for number in 0..<count {
        for word: UInt64 in [7, 8, 9, 10] { writer.u64(word) }
        writer.u32(UInt32(number * 4))
        writer.u32(4)
        writer.u64(.max)
        writer.digest(Digest(UInt64(number), 3, 3, 3))
      }
      for body in bodies { writer.raw(body) }
      return writer.bytes
    }
  }

  /// The sum that a record must have over all but itself, put into it.
  private static func withCheck(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 96 else { return bytes }
    let length = (0..<4).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
    guard (96...bytes.count).contains(length) else { return bytes }
    var bytes = bytes
    bytes.replaceSubrange(88..<96, with: sum(Array(bytes[..<88]) + bytes[96..<length]))
    return bytes
  }
}
