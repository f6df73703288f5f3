// Reads tar archives: v7, ustar, GNU and pax (layout: TarHeader.swift, SparseMap.swift).
//
//   1. a block of zeros: the archive may end here; two, or the end of the file behind one, end it
//   2. else its checksum has to be right (unsigned, or signed as some old programs have it)
//   3. types x, g, L, K: data that speaks of the next member, or of all; go on at 1
//   4. the member, its data, zeros to a whole block
//
// Whoever writes the archive decides all of its numbers: each is checked before it is used, and what is kept in memory
// is bounded by `extendedLimit`, `nameLimit` and `SparseMap.extentLimit`.

package import VarveFormat

/// A member of an archive.
package struct ArchivedMember {
  package var member: TarMember
  /// For people: what of it cannot be stored.
  package var losses: [String] = []
  /// Bytes of data that follow.
  package var dataLength: UInt64
  package var holes: [Hole] = []
}

package final class TarReader {
  private static let extendedLimit: UInt64 = 16 << 20
  private static let nameLimit: UInt64 = 1 << 20

  package enum Step {
    case member(ArchivedMember)
    /// A member of a type that has no place in a tree; its data is passed over.
    case unknown(path: [UInt8], type: UInt8)
  }

  private let input: ArchiveInput
  private let accounts: AccountNames
  private var global = PaxHeader()
  /// Bytes of the last member that nobody has read, and the zeros behind them.
  private var unread: UInt64 = 0
  private var padding: UInt64 = 0
  private var hasMembers = false
  /// Whether the archive ended as it should, with zeros.
  package private(set) var hasEndMark = false

  package init(_ input: ArchiveInput, accounts: AccountNames) {
    self.input = input
    self.accounts = accounts
  }

  /// The next member, with what was not read of the last one passed over; nil at the end.
  ///
  /// - Throws: `.io` where the archive is damaged or breaks off; `.interrupted`.
  package func next() throws -> Step? {
    try pass(unread + padding)
    (unread, padding) = (0, 0)
    var local = global
    var longName: [UInt8]?
    var longLink: [UInt8]?
    while true {
      guard let block = try header() else { return nil }
      hasMembers = true
      guard let size = TarNumber.parse(block[124..<136]), size >= 0 else {
        throw damage("a member's size is no number")
      }
      let length = UInt64(size)
      switch block[156] {
      case UInt8(ascii: "x"), UInt8(ascii: "X"):
        try local.take(try content(length, limit: Self.extendedLimit))
      case UInt8(ascii: "g"):
        try global.take(try content(length, limit: Self.extendedLimit))
        local = global
      case UInt8(ascii: "L"): longName = try text(length)
      case UInt8(ascii: "K"): longLink = try text(length)
      case UInt8(ascii: "V"): try pass(length + Self.padding(after: length))
      default:
        return try step(TarBlock(block, local, longName, longLink), length)
      }
    }
  }

  /// Reads data of the member.
  ///
  /// - Throws: `.io` when the archive ends before the member does.
  package func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    let wanted = Int(min(UInt64(output.count), unread))
    guard wanted > 0 else { return 0 }
    try readAll(into: UnsafeMutableRawBufferPointer(rebasing: output[..<wanted]))
    unread -= UInt64(wanted)
    return wanted
  }

  // MARK: Blocks

  private func header() throws -> [UInt8]? {
    var isZero = false
    while true {
      var block = [UInt8](repeating: 0, count: TarHeader.blockSize)
      let count = try block.withUnsafeMutableBytes { try input.read(into: $0) }
      if count == 0 {
        hasEndMark = isZero
        guard hasMembers || isZero else { throw VarveError(.io, "it is empty") }
        return nil
      }
      guard count == block.count else { throw breaksOff }
      if block.allSatisfy({ $0 == 0 }) {
        hasEndMark = true
        if isZero { return nil }
        isZero = true
        continue
      }
      guard TarBlock.hasRightChecksum(block) else {
        throw hasMembers
          ? damage("the checksum of a header is wrong") : VarveError(.io, "it is no tar archive")
      }
      // One block of zeros between members is what some programs leave.
      isZero = false
      hasEndMark = false
      return block
    }
  }

  private static func padding(after length: UInt64) -> UInt64 {
    UInt64(TarHeader.padding(after: length))
  }

  private func content(_ length: UInt64, limit: UInt64) throws -> [UInt8] {
    guard length <= limit else { throw damage("an extended header has \(length) bytes") }
    var bytes = [UInt8](repeating: 0, count: Int(length))
    try bytes.withUnsafeMutableBytes { try readAll(into: $0) }
    try pass(Self.padding(after: length))
    return bytes
  }

  private func text(_ length: UInt64) throws -> [UInt8] {
    Array(try content(length, limit: Self.nameLimit).prefix { $0 != 0 })
  }

  private func readAll(into output: UnsafeMutableRawBufferPointer) throws {
    guard try input.read(into: output) == output.count else { throw breaksOff }
  }

  private func pass(_ count: UInt64) throws {
    var left = count
    try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
      while left > 0 {
        let step = Int(min(left, UInt64(buffer.count)))
        try readAll(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<step]))
        left -= UInt64(step)
      }
    }
  }

  private var breaksOff: VarveError {
    VarveError(
      .io, "it breaks off after \(input.position) bytes",
      hint: "take a whole copy of the archive")
  }

  private func damage(_ what: String) -> VarveError {
    VarveError(.io, "it is damaged before byte \(input.position): \(what)")
  }

  // MARK: Members

  private func step(_ block: TarBlock, _ headerSize: UInt64) throws -> Step {
    let length = try block.pax.number("size") ?? headerSize
    guard length <= TreeLimits.fileByteCount else {
      throw damage("a member has \(length) bytes")
    }
    let path = block.path
    var kind = block.kind
    if case .data = kind, block.isSparse {
      return .member(try sparse(block, length))
    }
    if case .data = kind, !block.isUstar, path.last == UInt8(ascii: "/") { kind = .directory }
    // Only files have data, whatever the size says (as with GNU tar, which counts links' targets, too).
    switch kind {
    case .data: begin(length)
    case .dump, .unknown: begin(length)
    case .directory, .symbolicLink, .hardLink, .device, .fifo: break
    }
    let member: TarMember.Kind
    switch kind {
    case .data: member = .file(size: length, extents: nil)
    case .directory, .dump: member = .directory
    case .symbolicLink: member = .symbolicLink(target: block.linkTarget)
    case .hardLink: member = .hardLink(path: block.linkTarget)
    case .fifo: member = .fifo
    case .device(let isBlock):
      guard let major = try block.deviceNumber(.major), let minor = try block.deviceNumber(.minor)
      else { throw damage("a device has no number") }
      member =
        isBlock
        ? .blockDevice(major: major, minor: minor) : .characterDevice(major: major, minor: minor)
    case .unknown(let type): return .unknown(path: path, type: type)
    }
    return .member(try described(block, TarMember(path: path, kind: member), length: unread))
  }

  private func begin(_ length: UInt64) {
    unread = length
    padding = Self.padding(after: length)
  }

  private func described(
    _ block: TarBlock, _ member: TarMember, length: UInt64, holes: [Hole] = []
  ) throws -> ArchivedMember {
    var result = ArchivedMember(member: member, dataLength: length, holes: holes)
    do { try block.describe(&result, accounts) } catch let error as VarveError {
      throw damage(error.message)
    }
    return result
  }

  private func sparse(_ block: TarBlock, _ length: UInt64) throws -> ArchivedMember {
    var map = SparseMap()
    var size: UInt64
    begin(length)
    if block.type == UInt8(ascii: "S") {
      try map.add(fields: block.bytes[386...], count: 4)
      guard let real = TarNumber.parse(block.bytes[483..<495]), real >= 0 else {
        throw damage("the size of a sparse file is no number")
      }
      size = UInt64(real)
      var follows = block.bytes[482] != 0
      while follows {
        var more = [UInt8](repeating: 0, count: TarHeader.blockSize)
        try more.withUnsafeMutableBytes { try readAll(into: $0) }
        try map.add(fields: more[...], count: 21)
        follows = more[504] != 0
      }
    } else if block.pax["GNU.sparse.major"] != nil {
      size = try block.pax.number("GNU.sparse.realsize") ?? 0
      try readMap(&map)
    } else {
      size = try block.pax.number("GNU.sparse.size") ?? 0
      var numbers = block.pax.sparseNumbers
      if let list = block.pax["GNU.sparse.map"] {
        numbers = try list.split(separator: UInt8(ascii: ",")).map {
          guard let number = TarNumber.decimal($0) else {
            throw damage("the map of a sparse file is no list of numbers")
          }
          return number
        }
      }
      try map.add(pairs: numbers)
    }
    if let real = try block.pax.number("GNU.sparse.realsize") { size = real }
    let holes = try map.holes(size: size, dataLength: unread)
    let path = block.pax["GNU.sparse.name"] ?? block.path
    let member = TarMember(path: path, kind: .file(size: size, extents: map.extents))
    return try described(block, member, length: unread, holes: holes)
  }

  /// Reads a map of format 1.0, with the zeros that fill up its last block.
  private func readMap(_ map: inout SparseMap) throws {
    var block = [UInt8](repeating: 0, count: TarHeader.blockSize)
    var position = block.count
    func number() throws -> UInt64 {
      var digits: [UInt8] = []
      while true {
        if position == block.count {
          guard try block.withUnsafeMutableBytes({ try read(into: $0) }) == block.count else {
            throw damage("the map of a sparse file breaks off")
          }
          position = 0
        }
        let byte = block[position]
        position += 1
        if byte == UInt8(ascii: "\n") { break }
        digits.append(byte)
        guard digits.count <= 20 else { throw damage("the map of a sparse file is none") }
      }
      guard let number = TarNumber.decimal(digits) else {
        throw damage("the map of a sparse file is none")
      }
      return number
    }
    let count = try number()
    guard count <= UInt64(SparseMap.extentLimit) else {
      throw damage("the map of a sparse file has \(count) entries")
    }
    for _ in 0..<count { try map.add(offset: try number(), length: try number()) }
  }
}
