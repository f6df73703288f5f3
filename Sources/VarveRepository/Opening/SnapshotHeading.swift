public import VarveFormat

/// What a snapshot is looked for by: the part of its record that selectors and filters ask about.
public struct SnapshotHeading: Equatable, Sendable {
  public var time: Timestamp
  public var host: [UInt8]
  public var paths: [[UInt8]]
  public var tags: [String]
  public var isPartial: Bool

  public init(_ record: SnapshotRecord) {
    time = record.time
    host = record.host
    paths = record.paths
    tags = record.tags
    isPartial = record.isPartial
  }
}

extension SnapshotHeading {
  func write(to writer: inout ByteWriter) {
    writer.u64(UInt64(bitPattern: time.seconds))
    writer.u32(time.nanoseconds)
    writer.u32(UInt32(bitPattern: time.offset))
    writer.u8(isPartial ? 1 : 0)
    writer.lengthPrefixed(host)
    writer.uvarint(paths.count)
    for path in paths { writer.lengthPrefixed(path) }
    writer.uvarint(tags.count)
    for tag in tags { writer.lengthPrefixed(Array(tag.utf8)) }
  }

  /// - Throws: `.damaged`.
  init(_ reader: inout ByteReader) throws {
    time = Timestamp(
      seconds: Int64(bitPattern: try reader.u64()), nanoseconds: try reader.u32(),
      offset: Int32(bitPattern: try reader.u32()))
    isPartial = try reader.u8() == 1
    let limit = SnapshotRecord.byteLimit
    host = Array(try reader.lengthPrefixed(limit: limit))
    paths = []
    for _ in 0..<(try reader.count(limit: limit)) {
      paths.append(Array(try reader.lengthPrefixed(limit: limit)))
    }
    tags = []
    for _ in 0..<(try reader.count(limit: limit)) {
      tags.append(String(decoding: try reader.lengthPrefixed(limit: limit), as: UTF8.self))
    }
  }
}
