/// One entry of a directory, decoded (docs/format.md, section 9).
public struct TreeEntry: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    case file(FileContent)
    case directory(DirectoryContent)
    /// The target, 1 to 65,535 bytes.
    case link([UInt8])
    case device(major: UInt32, minor: UInt32)
    /// A FIFO.
    case none
  }

  /// 1 to 4,096 bytes without `/` and NUL; not `.` or `..`.
  public var name: [UInt8]
  public var attributes: EntryAttributes
  /// The owner's name, or nil where it was not known.
  public var user: [UInt8]?
  public var group: [UInt8]?
  /// Ascending by name.
  public var extendedAttributes: [ExtendedAttribute]
  public var content: Content

  public init(
    name: [UInt8], attributes: EntryAttributes, user: [UInt8]? = nil, group: [UInt8]? = nil,
    extendedAttributes: [ExtendedAttribute] = [], content: Content
  ) {
    self.name = name
    self.attributes = attributes
    self.user = user
    self.group = group
    self.extendedAttributes = extendedAttributes
    self.content = content
  }

  public var type: EntryType { attributes.type }

  /// The body, as `TreeNodeWriter.append` takes it.
  ///
  /// - Throws: `.usage` when a field is out of the format's bounds.
  public func encode() throws -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: 256)
    try TreeEntryEncoder.append(self, to: &writer)
    return writer.bytes
  }
}

/// The fields of an entry that have a fixed size: what `statx` gives.
public struct EntryAttributes: Hashable, Sendable {
  public var type: EntryType
  /// The low twelve bits: permissions, setuid, setgid, sticky.
  public var mode: UInt16
  public var uid: UInt32
  public var gid: UInt32
  public var modified: FileTime
  /// Kept only when the snapshot was asked to.
  public var accessed: FileTime?
  /// `FS_IOC_GETFLAGS`; 0 when there are none.
  public var inodeFlags: UInt32
  /// Whether the file had more than one hard link; never of a directory.
  public var isHardLinked: Bool

  public init(
    type: EntryType, mode: UInt16, uid: UInt32, gid: UInt32, modified: FileTime,
    accessed: FileTime? = nil, inodeFlags: UInt32 = 0, isHardLinked: Bool = false
  ) {
    self.type = type
    self.mode = mode
    self.uid = uid
    self.gid = gid
    self.modified = modified
    self.accessed = accessed
    self.inodeFlags = inodeFlags
    self.isHardLinked = isHardLinked
  }
}

public struct ExtendedAttribute: Hashable, Sendable {
  /// 1 to 255 bytes without NUL.
  public var name: [UInt8]
  /// At most 64 KiB.
  public var value: [UInt8]

  public init(name: [UInt8], value: [UInt8]) {
    self.name = name
    self.value = value
  }
}
