internal import VarveFormat

// Where the data of a sparse member lies (GNU tar's manual, "Storing Sparse Files"):
//
//   old GNU, type S:  four pairs (offset:12 length:12) at 386 of the header, more-follow:1 at 482, size:12 at 483;
//                     while more follow, blocks of 21 pairs with more-follow:1 at 504
//   pax 0.0:          records GNU.sparse.offset and GNU.sparse.numbytes in turn, GNU.sparse.size
//   pax 0.1:          GNU.sparse.map, numbers between commas, GNU.sparse.size
//   pax 1.0:          GNU.sparse.major=1, minor=0, realsize; the map in front of the data (GNUSparseMap)

/// The extents of a sparse file while they are read from an archive.
struct SparseMap {
  /// Numbers are 16 bytes each: 16 MiB.
  static let extentLimit = 1 << 20

  private(set) var extents: [TarMember.Extent] = []
  private var end: UInt64 = 0
  /// Bytes of data.
  private(set) var dataLength: UInt64 = 0

  /// - Throws: `.io` unless it comes behind all before it, or when there are too many.
  mutating func add(offset: UInt64, length: UInt64) throws {
    let (newEnd, overflow) = offset.addingReportingOverflow(length)
    guard !overflow, newEnd <= TreeLimits.fileByteCount, offset >= end,
      extents.count < Self.extentLimit
    else { throw VarveError(.io, "the map of a sparse file is not possible") }
    end = newEnd
    guard length > 0 else { return }
    dataLength += length
    if let last = extents.last, last.offset + last.length == offset {
      extents[extents.count - 1].length += length
    } else {
      extents.append(TarMember.Extent(offset: offset, length: length))
    }
  }

  mutating func add(pairs numbers: [UInt64]) throws {
    guard numbers.count % 2 == 0 else {
      throw VarveError(.io, "the map of a sparse file is not possible")
    }
    for index in stride(from: 0, to: numbers.count, by: 2) {
      try add(offset: numbers[index], length: numbers[index + 1])
    }
  }

  /// Takes in what an old GNU header or one of its further blocks has.
  mutating func add(fields: ArraySlice<UInt8>, count: Int) throws {
    for index in 0..<count {
      let pair = fields.dropFirst(24 * index).prefix(24)
      if pair.first == 0 { break }
      guard let offset = TarNumber.parse(pair.prefix(12)), offset >= 0,
        let length = TarNumber.parse(pair.dropFirst(12)), length >= 0
      else { throw VarveError(.io, "the map of a sparse file is not possible") }
      try add(offset: UInt64(offset), length: UInt64(length))
    }
  }

  /// What lies between the extents of a file of `size` bytes.
  ///
  /// - Throws: `.io` when the extents reach over its end, or are not as long as the data that comes.
  func holes(size: UInt64, dataLength: UInt64) throws -> [Hole] {
    guard end <= size, size <= TreeLimits.fileByteCount, self.dataLength == dataLength else {
      throw VarveError(.io, "the map of a sparse file is not that of its data")
    }
    return TarMember.holes(between: extents, size: size)
  }
}

extension TarMember {
  static func holes(between extents: [Extent], size: UInt64) -> [Hole] {
    var holes: [Hole] = []
    var position: UInt64 = 0
    for extent in extents {
      if extent.offset > position {
        holes.append(Hole(offset: position, length: extent.offset - position))
      }
      position = extent.offset + extent.length
    }
    if position < size { holes.append(Hole(offset: position, length: size - position)) }
    return holes
  }
}
