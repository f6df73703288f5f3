import CVarveLinux
import Glibc
import Synchronization
import VarveFormat

/// A directory of the target while something in it is still to be restored.
///
/// `pending` counts what is: its files and subdirectories, and the planner while it reads the
/// directory's entries. Whoever takes it to zero sets the directory's own metadata; so a directory is
/// finished after everything below it, and memory holds only directories that are under way.
final class RestoreDirectory: @unchecked Sendable {
  enum Origin {
    /// Not looked at yet: it is made when something in it is wanted.
    case unknown
    /// Made by this restore; nobody else's.
    case made
    /// It was there already.
    case found(FileStatus)
    /// A dry run would make it.
    case imagined
    /// It could not be made or opened, and that has been reported.
    case unreachable
  }

  let parent: RestoreDirectory?
  /// Nil for the target itself, whose metadata is the user's own affair.
  let entry: TreeEntry?
  /// Ended by NUL.
  let name: [UInt8]
  /// Levels below the target.
  let depth: Int

  // Written by the planner before anything in the directory is handed to a worker.
  var origin = Origin.unknown
  var identity = Identity()
  /// Whether new files in it may get a group, an ACL or inode flags from it.
  var handsDown = false
  /// Whether it was made by this restore and got the mode and owner that it was made with, so that
  /// a file which is created in it gets what it is created with.
  var keepsModes = false
  /// Whether it is reached by way of a mount point inside the target: nothing is removed there.
  var isMounted = false
  /// Whether the patterns name it, or something in it.
  var isWanted = false
  /// Inode flags to give back to a directory whose own metadata is not restored.
  var originalFlags: UInt32 = 0

  // Guarded by the lock of `OpenDirectories`.
  var descriptor: Int32 = -1
  var pins = 0
  var place = 0
  var wasUsed = false

  private let pending = Atomic<Int>(1)

  struct Identity: Equatable {
    var device: UInt64 = 0
    var inode: UInt64 = 0

    init() {}

    init(_ status: FileStatus) {
      device = status.device
      inode = status.inode
    }
  }

  init(parent: RestoreDirectory?, entry: TreeEntry?) {
    self.parent = parent
    self.entry = entry
    name = (entry?.name ?? []) + [0]
    depth = parent.map { $0.depth + 1 } ?? 0
  }

  func hold() { pending.add(1, ordering: .relaxed) }

  /// Gives up one hold; true for the last.
  func drop() -> Bool { pending.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 }

  /// Whether something may exist in it that this restore has not made.
  var mayHaveContent: Bool {
    if case .found = origin { return true }
    return false
  }

  var isReachable: Bool {
    switch origin {
    case .made, .found: true
    case .unknown, .imagined, .unreachable: false
    }
  }

  /// The path relative to the target of `name` in this directory; of the directory itself for nil.
  func path(of name: [UInt8]? = nil) -> [UInt8] {
    var names: [[UInt8]] = name.map { [$0] } ?? []
    var directory = self
    while let parent = directory.parent {
      names.append(directory.entry?.name ?? [])
      directory = parent
    }
    return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
  }
}

extension [UInt8] {
  /// Passes a name that ends with NUL to a system call.
  func withName<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
    try withUnsafeBufferPointer { bytes in
      try bytes.withMemoryRebound(to: CChar.self) { try body($0.baseAddress!) }
    }
  }
}
