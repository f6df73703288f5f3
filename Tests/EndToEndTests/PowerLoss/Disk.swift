// What a disk may hold after a power loss: the least that POSIX promises, which ext4, XFS and btrfs keep.
//
// - fsync of a file makes its bytes and its size durable; nothing else does. It makes no name durable.
// - fsync of a directory makes durable which names it has and what they stand for. It makes nothing
//   in those files, or in those directories, durable.
// - Of what happened to a name since its directory was last synced, any beginning may have come to the disk: the name
//   stands for what it stood for at the sync, or for anything that it stood for since. Names are independent of
//   each other, so the two halves of a rename are, too; a directory's loss takes away all below it. This is more
//   than a journal allows, which keeps the order.
// - Of a file's writes and changes of size since its last sync each block of 512 bytes has, independently, what
//   it had then or anything that it had since, or, if it lies behind the end that the file had at the sync, zeros or
//   garbage; and the size is any of those since. Files that are written and renamed without a sync are therefore found empty,
//   short, full of zeros, or torn.
//
// Not modelled: modes and times, and hardware that lies about having written.

/// A directory's files and directories, each with what is durable and what is not.
struct Disk {
  static let blockLength = 512

  struct File {
    /// Every content since the last sync, that at the sync first.
    var versions: [[UInt8]] = [[]]

    var current: [UInt8] { versions[versions.count - 1] }
    var isSettled: Bool { versions.count == 1 }
  }

  struct Directory {
    /// Everything that a name stood for since the last sync, what it stood for then first; 0 for nothing.
    var names: [String: [UInt64]] = [:]
  }

  private(set) var files: [UInt64: File] = [:]
  private(set) var directories: [UInt64: Directory] = [:]
  /// The kernel gives the numbers of removed files to new ones; these are never used again.
  private var numbers: [UInt64: UInt64] = [:]
  private var lastNumber: UInt64 = 1
  static let root: UInt64 = 1

  init() { directories[Self.root] = Directory() }

  // MARK: What happens

  /// - Parameter ignoresSync: whether a sync has no effect.
  mutating func apply(_ event: Recording.Event, ignoresSync: Bool = false) throws {
    switch event {
    case .created(let path, let inode):
      let number = newNumber(inode)
      files[number] = File()
      try set(path, number)
    case .madeDirectory(let path, let inode):
      let number = newNumber(inode)
      directories[number] = Directory()
      try set(path, number)
    case .written(let inode, let offset, let bytes):
      try change(inode) { content in
        if content.count < offset + bytes.count {
          content += [UInt8](repeating: 0, count: offset + bytes.count - content.count)
        }
        content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      }
    case .resized(let inode, let size):
      try change(inode) { content in
        content =
          Array(content.prefix(size))
          + [UInt8](repeating: 0, count: max(0, size - content.count))
      }
    case .synced(let path, let inode):
      if !ignoresSync { try sync(path, inode) }
    case .linked(let old, let new):
      try set(new, try number(at: old))
    case .renamed(let old, let new):
      let number = try number(at: old)
      try set(new, number)
      try set(old, 0)
    case .removed(let path):
      try set(path, 0)
    case .told:
      break
    }
  }

  private mutating func newNumber(_ inode: UInt64) -> UInt64 {
    lastNumber += 1
    numbers[inode] = lastNumber
    return lastNumber
  }

  private mutating func change(_ inode: UInt64, _ body: (inout [UInt8]) -> Void) throws {
    guard let number = numbers[inode], var file = files[number] else {
      throw SpawnFailure(description: "a write to a file that was never made")
    }
    var content = file.current
    body(&content)
    file.versions.append(content)
    files[number] = file
  }

  private mutating func sync(_ path: String, _ inode: UInt64) throws {
    if let number = numbers[inode], let file = files[number] {
      files[number] = File(versions: [file.current])
      return
    }
    let number = try number(at: path)
    guard let directory = directories[number] else {
      throw SpawnFailure(description: "a sync of \(path), which is nothing")
    }
    directories[number] = Directory(
      names: directory.names.compactMapValues { values in
        let now = values[values.count - 1]
        return now == 0 ? nil : [now]
      })
  }

  private mutating func set(_ path: String, _ number: UInt64) throws {
    let (parent, name) = Self.split(path)
    let directory = try self.number(at: parent)
    guard directories[directory] != nil else {
      throw SpawnFailure(description: "\(parent) is no directory")
    }
    directories[directory]!.names[name, default: [0]].append(number)
  }

  private func number(at path: String) throws -> UInt64 {
    var number = Self.root
    for component in path.split(separator: "/") {
      guard let found = directories[number]?.names[String(component)]?.last, found != 0 else {
        throw SpawnFailure(description: "nothing at \(path)")
      }
      number = found
    }
    return number
  }

  private static func split(_ path: String) -> (parent: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path) }
    return (String(path[..<slash]), String(path[path.index(after: slash)...]))
  }
}
