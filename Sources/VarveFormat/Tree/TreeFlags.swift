/// The flag word of an entry: which optional fields follow, and two facts (docs/format.md, section 9).
public struct TreeFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let user = TreeFlags(rawValue: 1 << 0)
  public static let group = TreeFlags(rawValue: 1 << 1)
  public static let accessTime = TreeFlags(rawValue: 1 << 2)
  public static let inodeFlags = TreeFlags(rawValue: 1 << 3)
  public static let extendedAttributes = TreeFlags(rawValue: 1 << 4)
  public static let holes = TreeFlags(rawValue: 1 << 5)
  /// The file had more than one hard link; which others, the snapshot's link table says.
  public static let hardLinked = TreeFlags(rawValue: 1 << 6)
  public static let fileDigest = TreeFlags(rawValue: 1 << 7)

  /// What an entry of this type may have.
  static func allowed(for type: EntryType) -> TreeFlags {
    let common: TreeFlags = [.user, .group, .accessTime, .inodeFlags, .extendedAttributes]
    return switch type {
    case .file: common.union([.holes, .hardLinked, .fileDigest])
    case .directory: common
    case .link, .fifo, .characterDevice, .blockDevice: common.union(.hardLinked)
    }
  }
}

/// What an entry is (docs/format.md, section 9).
public enum EntryType: UInt8, Hashable, Sendable {
  case file = 1
  case directory = 2
  case link = 3
  case fifo = 4
  case characterDevice = 5
  case blockDevice = 6
}

/// A file's time stamp: seconds since 1970-01-01T00:00:00Z and 0 to 999,999,999 nanoseconds.
public struct FileTime: Hashable, Comparable, Sendable {
  public var seconds: Int64
  public var nanoseconds: UInt32

  public init(seconds: Int64, nanoseconds: UInt32) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  public static func < (a: FileTime, b: FileTime) -> Bool {
    (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds)
  }
}
