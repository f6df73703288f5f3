/// What a tar header says of one member; names and values are raw bytes.
package struct TarMember {
  package enum Kind: Equatable {
    /// A regular file of `size` bytes. With `extents`, only the bytes of those stretches follow, in
    /// order; they ascend, do not touch, and end within the size.
    case file(size: UInt64, extents: [Extent]?)
    case directory
    case symbolicLink(target: [UInt8])
    /// The same file as the member `path` earlier in the archive.
    case hardLink(path: [UInt8])
    case fifo
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
  }

  /// A stretch of a sparse file that has data.
  package struct Extent: Equatable {
    package var offset: UInt64
    package var length: UInt64

    package init(offset: UInt64, length: UInt64) {
      self.offset = offset
      self.length = length
    }
  }

  package struct Time: Equatable {
    package var seconds: Int64
    package var nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32) {
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }
  }

  /// Without a leading slash; a directory's without a trailing one.
  package var path: [UInt8]
  package var kind: Kind
  /// Permission bits, 07777 at most.
  package var mode: UInt32 = 0
  package var userID: UInt64 = 0
  package var groupID: UInt64 = 0
  package var user: [UInt8] = []
  package var group: [UInt8] = []
  package var modified = Time(seconds: 0, nanoseconds: 0)
  package var accessed: Time?
  package var attributes: [(name: [UInt8], value: [UInt8])] = []

  package init(path: [UInt8], kind: Kind) {
    self.path = path
    self.kind = kind
  }
}
