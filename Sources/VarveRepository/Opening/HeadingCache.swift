// The headings of snapshot records that this client has opened, in `<cache>/<RID>/snapshots`, mode
// 0600, so that `latest` and filters open no record twice: opening one takes a read, an X25519
// agreement and 100 µs, a heading here 1 µs.
//
//     file  := "VARVESNP" version:u32(2) reserved:u32 entry*
//     entry := length:u32 check:u64 id:digest time:s64 nanoseconds:u32 offset:s32 partial:u8
//              host:bytes count:uvarint path:bytes* count:uvarint tag:bytes* count:uvarint (key:bytes value:bytes)*
//              files:s64 bytes:s64 added:s64 stored:s64
//
// `length` counts what follows `check`, which is the first 8 bytes of its SHA-256; `bytes` are a
// uvarint length and the bytes. Entries are appended, each session's in one write; what follows the first one
// that is not right is passed over, and the file is then written anew. The same is done when most of
// it is of snapshots that are gone. A heading helps to choose: the record of what was chosen is
// read from storage and authenticated.

import CVarveLinux
import Glibc
import VarveCrypto
package import VarveFormat

package struct HeadingCache {
  private static let magic: [UInt8] = Array("VARVESNP".utf8)
  private static let version: UInt32 = 2

  private let directory: String
  private var path: String { directory + "/snapshots" }
  package private(set) var headings: [Digest: SnapshotHeading] = [:]
  /// Whether the file can be appended to.
  private var isIntact = false

  /// Reads the cache.
  ///
  /// - Parameter directory: this repository's cache directory.
  package init(directory: String) {
    self.directory = directory
    guard let bytes = try? FileWriting.read(path) else { return }
    bytes.withUnsafeBytes { isIntact = read($0) }
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var reader = ByteReader(bytes, "snapshot cache")
    guard (try? reader.slice(Self.magic.count))?.elementsEqual(Self.magic) == true,
      (try? reader.u32()) == Self.version, (try? reader.u32()) == 0
    else { return false }
    while !reader.isAtEnd {
      guard let length = try? reader.u32(), let check = try? reader.u64(),
        let covered = try? reader.slice(Int(length)), SHA256.digest(covered).prefix64 == check
      else { return false }
      var entry = ByteReader(covered, "snapshot cache")
      guard let id = try? entry.digest(), let heading = try? SnapshotHeading(&entry), entry.isAtEnd
      else { return false }
      headings[id] = heading
    }
    return true
  }

  /// Adds headings, and forgets those of other snapshots when they are the most. A cache that cannot be written is
  /// left as it is.
  ///
  /// - Parameter live: all live snapshots.
  package mutating func add(_ new: [(Digest, SnapshotHeading)], live: [Digest]) {
    for (id, heading) in new { headings[id] = heading }
    if isIntact && headings.count <= 2 * live.count + 64 {
      append(Self.encode(new))
    } else {
      let kept = live.compactMap { id in headings[id].map { (id, $0) } }
      var writer = ByteWriter()
      writer.raw(Self.magic)
      writer.u32(Self.version)
      writer.u32(0)
      guard (try? FileWriting.makeDirectory(directory, mode: 0o700)) != nil else { return }
      try? FileWriting.replace(
        path, with: writer.bytes + Self.encode(kept), mode: 0o600, isDurable: false)
    }
  }

  private func append(_ bytes: [UInt8]) {
    let file = varve_open(AT_FDCWD, path, O_WRONLY | O_APPEND, 0)
    guard file >= 0 else { return }
    defer { close(file) }
    // A short write leaves an entry that is not right, which the next reader notices.
    _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
  }

  private static func encode(_ headings: [(Digest, SnapshotHeading)]) -> [UInt8] {
    var all = ByteWriter()
    for (id, heading) in headings {
      var writer = ByteWriter()
      writer.digest(id)
      heading.write(to: &writer)
      all.u32(UInt32(truncatingIfNeeded: writer.bytes.count))
      all.u64(SHA256.digest(writer.bytes).prefix64)
      all.raw(writer.bytes)
    }
    return all.bytes
  }
}
