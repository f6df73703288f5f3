public import VarveFormat

/// What a snapshot is looked for by, and what lists and plots show of it: a part of its record.
public struct SnapshotHeading: Equatable, Sendable {
  public var time: Timestamp
  public var host: [UInt8]
  public var paths: [[UInt8]]
  public var tags: [String]
  public var isPartial: Bool
  public var meta: [String: String]
  /// Of the record's summary; 0 where it does not say.
  public var files: Int64
  public var bytes: Int64
  public var bytesAdded: Int64
  /// By which storage grew.
  public var bytesStored: Int64

  public init(_ record: SnapshotRecord) {
    func count(_ name: String) -> Int64 {
      guard case .integer(let value)? = record.summary[name] else { return 0 }
      return max(0, value)
    }
    time = record.time
    host = record.host
    paths = record.paths
    tags = record.tags
    isPartial = record.isPartial
    meta = record.meta
    files = count("total_files_processed")
    bytes = count("total_bytes_processed")
    bytesAdded = count("data_added")
    bytesStored = count("data_added_packed")
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
    writer.uvarint(meta.count)
    for (key, value) in meta.sorted(by: { $0.key < $1.key }) {
      writer.lengthPrefixed(Array(key.utf8))
      writer.lengthPrefixed(Array(value.utf8))
    }
    for count in [files, bytes, bytesAdded, bytesStored] {
      writer.u64(UInt64(bitPattern: count))
    }
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
    meta = [:]
    for _ in 0..<(try reader.count(limit: limit)) {
      let key = String(decoding: try reader.lengthPrefixed(limit: limit), as: UTF8.self)
      meta[key] = String(decoding: try reader.lengthPrefixed(limit: limit), as: UTF8.self)
    }
    files = Int64(bitPattern: try reader.u64())
    bytes = Int64(bitPattern: try reader.u64())
    bytesAdded = Int64(bitPattern: try reader.u64())
    bytesStored = Int64(bitPattern: try reader.u64())
  }
}
