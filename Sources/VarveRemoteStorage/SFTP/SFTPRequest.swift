// SFTP, version 3, as far as a store needs it. Source: draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL file for the
// extensions. Numbers are big-endian; a string is u32 length ‖ bytes.
//
//     packet    = u32 length ‖ u8 type ‖ rest                length counts type and rest
//     request   = packet with  u32 identifier ‖ fields       the answer repeats the identifier; answers come in any order
//     INIT      (1)   u32 version                            -> VERSION (2)  u32 version ‖ (string name ‖ string data)*
//     OPEN      (3)   path ‖ u32 flags ‖ attributes          -> HANDLE
//     CLOSE     (4)   handle                                 -> STATUS
//     READ      (5)   handle ‖ u64 offset ‖ u32 count        -> DATA, perhaps shorter; STATUS eof at the end
//     WRITE     (6)   handle ‖ u64 offset ‖ string data      -> STATUS
//     FSTAT     (8)   handle                                 -> ATTRS
//     OPENDIR  (11)   path                                   -> HANDLE
//     READDIR  (12)   handle                                 -> NAME; STATUS eof at the end
//     REMOVE   (13)   path                                   -> STATUS
//     MKDIR    (14)   path ‖ attributes                      -> STATUS
//     STAT     (17)   path                                   -> ATTRS
//     RENAME   (18)   from ‖ to                              -> STATUS; fails when `to` is there
//     EXTENDED (200)  string name ‖ fields                   -> STATUS or EXTENDED_REPLY
//       posix-rename@openssh.com   from ‖ to                 replaces `to`
//       hardlink@openssh.com       from ‖ to                 fails when `to` is there
//       fsync@openssh.com          handle
//       limits@openssh.com                                   -> u64 packet ‖ u64 read ‖ u64 write ‖ u64 handles; 0 unsaid
//       statvfs@openssh.com        path                      -> u64 block size ‖ u64 fragment size ‖ u64 blocks ‖ u64 free
//                                                               ‖ u64 available ‖ …
//     attributes = u32 flags ‖ [u64 size] 1 ‖ [u32 uid ‖ u32 gid] 2 ‖ [u32 mode] 4 ‖ [u32 atime ‖ u32 mtime] 8
//                  ‖ [u32 count ‖ (string type ‖ string data)*] 0x80000000
//
// Requests that concern one file take effect in the order in which they are sent (section 6.1): a file's last WRITE,
// its fsync and its CLOSE need not wait for one another.

/// What is asked of the server; every request has an identifier that its answer repeats.
enum SFTPRequest {
  case open(path: String, flags: OpenFlags)
  case close(handle: [UInt8])
  case read(handle: [UInt8], offset: UInt64, count: Int)
  /// The data are sent behind the encoded request.
  case write(handle: [UInt8], offset: UInt64, count: Int)
  case fileStatus(handle: [UInt8])
  case openDirectory(path: String)
  case readDirectory(handle: [UInt8])
  case remove(path: String)
  case makeDirectory(path: String)
  case status(path: String)
  case rename(from: String, to: String)
  case extended(SFTPExtension, paths: [String])
  case sync(handle: [UInt8])

  struct OpenFlags: OptionSet {
    let rawValue: UInt32
    static let read = OpenFlags(rawValue: 0x01)
    static let write = OpenFlags(rawValue: 0x02)
    static let create = OpenFlags(rawValue: 0x08)
    static let exclusive = OpenFlags(rawValue: 0x20)
  }

  static let version: UInt32 = 3

  /// INIT, which has no identifier.
  static var initial: [UInt8] {
    var packet = Encoder(type: 1)
    packet.u32(version)
    return packet.finished(payload: 0)
  }

  /// The kind of answer that it has when it does not fail.
  var expected: SFTPAnswer.Kind {
    switch self {
    case .open, .openDirectory: .handle
    case .read: .data
    case .fileStatus, .status: .attributes
    case .readDirectory: .names
    case .extended(let name, _): name == .limits || name == .fileSystemStatus ? .extended : .status
    case .close, .write, .remove, .makeDirectory, .rename, .sync: .status
    }
  }

  func encoded(identifier: UInt32) -> [UInt8] {
    var packet = Encoder(type: type)
    packet.u32(identifier)
    var payload = 0
    switch self {
    case .open(let path, let flags):
      packet.string(path.utf8)
      packet.u32(flags.rawValue)
      packet.mode(flags.contains(.create) ? 0o600 : nil)
    case .close(let handle), .fileStatus(let handle), .readDirectory(let handle):
      packet.string(handle)
    case .read(let handle, let offset, let count):
      packet.string(handle)
      packet.u64(offset)
      packet.u32(UInt32(clamping: count))
    case .write(let handle, let offset, let count):
      packet.string(handle)
      packet.u64(offset)
      packet.u32(UInt32(clamping: count))
      payload = count
    case .openDirectory(let path), .remove(let path), .status(let path):
      packet.string(path.utf8)
    case .makeDirectory(let path):
      packet.string(path.utf8)
      packet.mode(0o700)
    case .rename(let from, let to):
      packet.string(from.utf8)
      packet.string(to.utf8)
    case .extended(let name, let paths):
      packet.string(name.rawValue.utf8)
      for path in paths { packet.string(path.utf8) }
    case .sync(let handle):
      packet.string(SFTPExtension.sync.rawValue.utf8)
      packet.string(handle)
    }
    return packet.finished(payload: payload)
  }

  private var type: UInt8 {
    switch self {
    case .open: 3
    case .close: 4
    case .read: 5
    case .write: 6
    case .fileStatus: 8
    case .openDirectory: 11
    case .readDirectory: 12
    case .remove: 13
    case .makeDirectory: 14
    case .status: 17
    case .rename: 18
    case .extended, .sync: 200
    }
  }

  private struct Encoder {
    private var bytes: [UInt8]

    init(type: UInt8) {
      bytes = [0, 0, 0, 0, type]
      bytes.reserveCapacity(128)
    }

    mutating func u32(_ value: UInt32) {
      withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func u64(_ value: UInt64) {
      withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func string(_ value: some Collection<UInt8>) {
      u32(UInt32(clamping: value.count))
      bytes.append(contentsOf: value)
    }

    /// Attributes with a mode or without anything.
    mutating func mode(_ mode: UInt32?) {
      u32(mode == nil ? 0 : SFTPAttributes.Field.mode.rawValue)
      if let mode { u32(mode) }
    }

    func finished(payload: Int) -> [UInt8] {
      var packet = bytes
      withUnsafeBytes(of: UInt32(clamping: bytes.count - 4 + payload).bigEndian) { length in
        for (index, byte) in length.enumerated() { packet[index] = byte }
      }
      return packet
    }
  }
}

/// What a server offers beyond the draft.
enum SFTPExtension: String, CaseIterable {
  case replacingRename = "posix-rename@openssh.com"
  case hardLink = "hardlink@openssh.com"
  case sync = "fsync@openssh.com"
  case limits = "limits@openssh.com"
  case fileSystemStatus = "statvfs@openssh.com"

  /// The version that is spoken here.
  var version: String { self == .fileSystemStatus ? "2" : "1" }
}
