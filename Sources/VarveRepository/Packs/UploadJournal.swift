// Packs that a session has stored far away and that no log entry names yet, so that a session that was cut off does not send them
// again. One file a session, `<cache>/<RID>/uploads/<random>`, mode 0600, locked (flock) while the session is at work:
//
//     file   := record*
//     record := length:u32 check:u64 name:digest size:u64 type:u8 trailer      (docs/format.md, section 7)
//
// `length` counts what follows `check`, which is the first 8 bytes of its SHA-256. A record is appended once its pack is durable; what
// follows the first one that is not right is passed over. The next session takes over what it finds in files that
// nobody holds: those packs that the log does not name, neither as live nor as condemned or lost, and that are in storage
// with that size. Like the index it is a cache: it only says where chunks may be, and is 0600 for the same reason.

import CVarveLinux
import Glibc
import Synchronization
import VarveCrypto
import VarveFormat
import VarveStorage

/// The packs of one session.
package final class UploadJournal: Sendable {
  private let file: Int32
  private let path: String
  private let end = Mutex<Int64>(0)

  /// - Parameter directory: this repository's cache directory.
  /// - Returns: nil where nothing can be kept.
  init?(directory: String) {
    let directory = directory + "/uploads"
    guard (try? FileWriting.makeDirectory(directory, mode: 0o700)) != nil else { return nil }
    path = "\(directory)/\(String(UInt64.random(in: 0...UInt64.max), radix: 16))"
    file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { return nil }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      close(file)
      unlink(path)
      return nil
    }
  }

  /// A file without records is of no use.
  deinit {
    if end.withLock({ $0 == 0 }) { unlink(path) }
    close(file)
  }

  /// Records a pack that is durable. What cannot be recorded is sent again one day.
  func add(_ pack: StoredPack) {
    let trailer = pack.contents.encode()
    var content = ByteWriter(reservingCapacity: trailer.count + 64)
    content.digest(pack.name)
    content.u64(pack.size)
    content.u8(pack.type.rawValue)
    content.raw(trailer)
    guard let length = UInt32(exactly: content.bytes.count) else { return }
    var record = ByteWriter(reservingCapacity: content.bytes.count + 12)
    record.u32(length)
    record.u64(content.bytes.withUnsafeBytes { SHA256.digest($0) }.prefix64)
    record.raw(content.bytes)
    end.withLock { end in
      let count = record.bytes.withUnsafeBytes {
        varve_pwrite(file, $0.baseAddress, $0.count, end)
      }
      // A part of a record is written over by the next one.
      if count == record.bytes.count { end += Int64(count) }
    }
  }

  /// Takes the packs out of the files of sessions that are over, which are removed.
  static func takeUnfinished(directory: String) -> [StoredPack] {
    let directory = directory + "/uploads"
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var packs: [Digest: StoredPack] = [:]
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      let path = "\(directory)/\(name)"
      let file = open(path, O_RDWR | O_CLOEXEC)
      guard file >= 0 else { continue }
      defer { close(file) }
      guard flock(file, LOCK_EX | LOCK_NB) == 0, let bytes = try? FileWriting.read(path) else {
        continue
      }
      bytes.withUnsafeBytes { read($0) { packs[$0.name] = $0 } }
      unlink(path)
    }
    return packs.values.sorted { $0.name < $1.name }
  }

  private static func read(_ bytes: UnsafeRawBufferPointer, _ body: (StoredPack) -> Void) {
    var reader = ByteReader(bytes, "upload journal")
    while !reader.isAtEnd {
      guard let length = try? reader.u32(), let check = try? reader.u64(),
        let content = try? reader.slice(Int(length)), SHA256.digest(content).prefix64 == check
      else { return }
      var fields = ByteReader(content, "upload journal")
      guard let name = try? fields.digest(), let size = try? fields.u64(),
        let type = try? PackType(rawValue: fields.u8()),
        let rest = try? fields.slice(fields.remaining),
        let contents = try? PackTrailer(decoding: rest)
      else { return }
      body(StoredPack(name: name, size: size, type: type, contents: contents))
    }
  }
}

extension IndexedRepository {
  /// Those packs of earlier sessions that a session may take for stored by itself.
  ///
  /// - Throws: what asking for them throws.
  func unfinishedUploads(directory: String) throws -> [StoredPack] {
    let found = UploadJournal.takeUnfinished(directory: directory)
    guard !found.isEmpty else { return [] }
    let gone: Set<String>
    do {
      gone = try state.namesOfCondemned(since: 0, storage: unlocked.metadata)
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      // What is condemned is not known: everything is sent again.
      return []
    }
    let candidates = found.filter {
      liveObjects.packs[$0.name] == nil && !gone.contains(ObjectName.pack($0.name))
    }
    let sizes = try ParallelWork.map(candidates, threads: storage.transfersAtOnce) {
      [storage] in try storage.size(ObjectName.pack($0.name))
    }
    return zip(candidates, sizes).filter { $0.size == $1 }.map(\.0)
  }
}
