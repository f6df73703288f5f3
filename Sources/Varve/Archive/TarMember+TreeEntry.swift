import VarveFormat

extension TarMember {
  /// The most data extents for which a sparse file is written as one; with more, holes become zeros.
  private static let extentLimit = 65_536

  /// The member for a tree entry that has this path in the archive.
  init(_ entry: TreeEntry, path: [UInt8]) {
    let kind: Kind
    switch entry.content {
    case .file(let content): kind = .file(size: content.size, extents: TarMember.extents(content))
    case .directory: kind = .directory
    case .link(let target): kind = .symbolicLink(target: target)
    case .device(let major, let minor):
      kind =
        entry.type == .blockDevice
        ? .blockDevice(major: major, minor: minor) : .characterDevice(major: major, minor: minor)
    case .none: kind = .fifo
    }
    self.init(path: path, kind: kind)
    mode = UInt32(entry.attributes.mode)
    userID = UInt64(entry.attributes.uid)
    groupID = UInt64(entry.attributes.gid)
    user = entry.user ?? []
    group = entry.group ?? []
    modified = Time(entry.attributes.modified)
    accessed = entry.attributes.accessed.map { Time($0) }
    attributes = entry.extendedAttributes.map { ($0.name, $0.value) }
  }

  /// What lies between the holes, widened to whole blocks (all but the last extent must be, or GNU tar
  /// reads the next one at the wrong place); nil for a file without holes, or with too many.
  private static func extents(_ content: FileContent) -> [Extent]? {
    guard !content.holes.isEmpty, content.holes.count < extentLimit else { return nil }
    let block = UInt64(TarHeader.blockSize)
    var extents: [Extent] = []
    func add(_ start: UInt64, _ end: UInt64) {
      guard start < end else { return }
      let start = start / block * block
      let end = min((end + block - 1) / block * block, content.size)
      if let last = extents.last, start <= last.offset + last.length {
        extents[extents.count - 1].length = end - last.offset
      } else {
        extents.append(Extent(offset: start, length: end - start))
      }
    }
    var position: UInt64 = 0
    for hole in content.holes {
      add(position, hole.offset)
      position = hole.end
    }
    add(position, content.size)
    return extents
  }
}

extension TarMember.Time {
  fileprivate init(_ time: FileTime) {
    self.init(seconds: time.seconds, nanoseconds: time.nanoseconds)
  }
}
