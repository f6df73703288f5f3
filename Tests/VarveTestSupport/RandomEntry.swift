public import VarveFormat

extension TreeEntry {
  /// An entry of any kind that the format allows.
  public static func random(_ generator: inout SeededGenerator) -> TreeEntry {
    let kinds: [EntryType] = [.file, .directory, .link, .fifo, .characterDevice, .blockDevice]
    let type = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
    func maybe() -> Bool { Bool.random(using: &generator) }
    func text(_ range: ClosedRange<Int>) -> [UInt8] {
      generator.bytes(Int.random(in: range, using: &generator)).map {
        $0 == 0 || $0 == UInt8(ascii: "/") ? 1 : $0
      }
    }
    func time() -> FileTime {
      FileTime(
        seconds: Int64(bitPattern: generator.next()) >> Int64.random(in: 0...63, using: &generator),
        nanoseconds: UInt32.random(in: 0..<1_000_000_000, using: &generator))
    }
    func number() -> UInt32 {
      UInt32(truncatingIfNeeded: generator.next()) >> UInt32.random(in: 0...31, using: &generator)
    }
    let attributes = EntryAttributes(
      type: type, mode: UInt16.random(in: 0...0o7777, using: &generator), uid: number(),
      gid: number(), modified: time(), accessed: maybe() ? time() : nil,
      inodeFlags: maybe() ? number() : 0, isHardLinked: type != .directory && maybe())
    let names = Set((0..<Int.random(in: 0...3, using: &generator)).map { _ in text(1...40) })
    let extended = names.sorted { $0.lexicographicallyPrecedes($1) }.map {
      ExtendedAttribute(
        name: $0, value: generator.bytes(Int.random(in: 0...99, using: &generator)))
    }
    let content: Content =
      switch type {
      case .file: .file(.random(&generator))
      case .directory:
        .directory(
          DirectoryContent(
            id: generator.digest(), proofRoot: generator.digest(), entryCount: generator.next()))
      case .link: .link(text(1...300))
      case .characterDevice, .blockDevice: .device(major: number(), minor: number())
      case .fifo: .none
      }
    var name = text(1...60)
    if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { name = [1] }
    return TreeEntry(
      name: name, attributes: attributes, user: maybe() ? text(1...256) : nil,
      group: maybe() ? text(1...20) : nil, extendedAttributes: extended, content: content)
  }
}

extension FileContent {
  public static func random(_ generator: inout SeededGenerator) -> FileContent {
    var size: UInt64 = 0
    let form: Form
    var only: Digest?
    if Int.random(in: 0..<4, using: &generator) == 0 {
      form = .lists(
        (0..<Int.random(in: 1...5, using: &generator)).map { _ in
          let chunks = UInt32.random(in: 33...4_096, using: &generator)
          let bytes = UInt64(chunks) * UInt64.random(in: 1...9_000, using: &generator)
          size += bytes
          return ChunkListReference(id: generator.digest(), chunks: chunks, byteCount: bytes)
        })
    } else {
      let chunks = (0..<Int.random(in: 0...32, using: &generator)).map { _ in
        let length = UInt32.random(in: 1...64 << 20, using: &generator)
        size += UInt64(length)
        return ChunkReference(address: generator.digest(), length: length)
      }
      only = chunks.count == 1 ? chunks[0].address : nil
      form = .chunks(chunks)
    }
    var holes: [Hole] = []
    var end: UInt64 = 0
    for index in 0..<Int.random(in: 0...4, using: &generator) {
      let gap =
        index == 0 && Bool.random(using: &generator)
        ? 0 : UInt64.random(in: 1...99, using: &generator)
      guard end + gap <= size else { break }
      let length = UInt64.random(in: 1...1 << 30, using: &generator)
      holes.append(Hole(offset: end + gap, length: length))
      size += length
      end += gap + length
    }
    guard size > 0 else { return .empty }
    let digest = holes.isEmpty ? only ?? generator.digest() : generator.digest()
    return FileContent(size: size, form: form, holes: holes, digest: digest)
  }
}
