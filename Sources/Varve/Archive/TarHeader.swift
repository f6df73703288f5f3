// Headers of a POSIX pax archive (IEEE Std 1003.1-2017, pax, "ustar Interchange Format" and "pax
// Extended Header"), as GNU tar, libarchive and Python's tarfile read them.
//
//   member   := [pax-header] ustar-block [sparse-map] data padding-to-512
//   pax-header := ustar-block(type x) records padding-to-512
//   ustar-block := name(100) mode(8) uid(8) gid(8) size(12) mtime(12) checksum(8) type(1)
//                  linkname(100) "ustar" 0 "00" uname(32) gname(32) major(8) minor(8) prefix(155)
//                  zero(12)                                  numbers: octal digits, then NUL
//   archive  := member* zeros, at least 1,024, up to a multiple of 10,240
//
// What does not fit its field (long names, 8 GiB, nanoseconds, large ids) is said by a pax record and
// clipped in the field. Names that are UTF-8 but not ASCII get a record, too, since the field's
// character set is nowhere declared; names that are no UTF-8 stay raw in the field while they fit.
// Sparse files use GNU's format 1.0: records GNU.sparse.*, the map in front of the data.

package enum TarHeader {
  package static let blockSize = 512
  /// The size of which an archive is a multiple: GNU tar's default record.
  package static let recordSize = 10_240

  /// Everything of `member` that comes before its data, and how many bytes of data must follow.
  package static func encode(_ member: TarMember) -> (bytes: [UInt8], dataLength: UInt64) {
    var records = PaxRecords()
    var path = member.path
    var size: UInt64 = 0
    var map: [UInt8] = []
    var dataLength: UInt64 = 0
    if case .file(let fileSize, let extents) = member.kind {
      dataLength = extents?.reduce(0) { $0 &+ $1.length } ?? fileSize
      if let extents {
        map = GNUSparseMap.encode(extents, size: fileSize)
        GNUSparseMap.addRecords(path: path, size: fileSize, to: &records)
        path = GNUSparseMap.placeholder(for: path)
      }
      size = dataLength &+ UInt64(map.count)
    }
    if member.kind == .directory { path.append(UInt8(ascii: "/")) }

    let block = ustar(member, path: path, size: size, &records)
    var bytes = paxHeader(records, for: member)
    bytes.append(contentsOf: block)
    bytes.append(contentsOf: map)
    return (bytes, dataLength)
  }

  /// Zeros that fill up `length` bytes to whole blocks of `unit`.
  package static func padding(after length: UInt64, to unit: Int = blockSize) -> Int {
    let rest = Int(length % UInt64(unit))
    return rest == 0 ? 0 : unit - rest
  }

  private static func ustar(
    _ member: TarMember, path: [UInt8], size: UInt64, _ records: inout PaxRecords
  ) -> [UInt8] {
    var block = UstarBlock(type: type(of: member.kind))
    block.text(path, .name, "path", &records)
    block.number(UInt64(member.mode & 0o7777), .mode)
    block.number(member.userID, .userID, "uid", &records)
    block.number(member.groupID, .groupID, "gid", &records)
    block.number(size, .size, "size", &records)
    block.time(member.modified, "mtime", &records)
    block.text(member.user, .user, "uname", &records)
    block.text(member.group, .group, "gname", &records)
    switch member.kind {
    case .symbolicLink(let target): block.text(target, .link, "linkpath", &records)
    case .hardLink(let path): block.text(path, .link, "linkpath", &records)
    case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
      block.number(UInt64(major), .major, "SCHILY.devmajor", &records)
      block.number(UInt64(minor), .minor, "SCHILY.devminor", &records)
    case .file, .directory, .fifo: break
    }
    if let accessed = member.accessed { records.add("atime", time: accessed) }
    for attribute in member.attributes {
      records.add(attribute: attribute.name, value: attribute.value)
    }
    return block.finished()
  }

  private static func type(of kind: TarMember.Kind) -> UInt8 {
    switch kind {
    case .file: UInt8(ascii: "0")
    case .hardLink: UInt8(ascii: "1")
    case .symbolicLink: UInt8(ascii: "2")
    case .characterDevice: UInt8(ascii: "3")
    case .blockDevice: UInt8(ascii: "4")
    case .directory: UInt8(ascii: "5")
    case .fifo: UInt8(ascii: "6")
    }
  }

  private static func paxHeader(_ records: PaxRecords, for member: TarMember) -> [UInt8] {
    guard !records.bytes.isEmpty else { return [] }
    var block = UstarBlock(type: UInt8(ascii: "x"))
    let base = member.path.split(separator: UInt8(ascii: "/")).last ?? []
    block.text(Array("PaxHeaders/".utf8) + base, .name)
    block.number(0o644, .mode)
    block.number(0, .userID)
    block.number(0, .groupID)
    block.number(UInt64(records.bytes.count), .size)
    block.number(UInt64(max(0, member.modified.seconds)), .modified)
    var bytes = block.finished()
    bytes.append(contentsOf: records.bytes)
    bytes.append(
      contentsOf: repeatElement(0, count: padding(after: UInt64(records.bytes.count))))
    return bytes
  }
}
