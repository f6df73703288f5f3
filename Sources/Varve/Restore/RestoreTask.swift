import Synchronization
import VarveFormat

/// One file, link or special file to restore.
///
/// Of a regular file, `outstanding` counts the chunks still to be written, and the planner while it
/// adds chunks. Whoever takes it to zero finishes the file.
final class RestoreTask: @unchecked Sendable {
  /// What is to become of what is there.
  enum Disposition {
    /// Nobody has looked yet.
    case undecided
    /// Nothing is there.
    case fresh
    /// Something is there, and a new file will be renamed over it.
    case replacing
    /// What is there has the right content; only its metadata may have to change.
    case inPlace(FileStatus)
    /// The overwrite rule leaves it alone.
    case skipped
    /// A dry run would write it.
    case imagined(isUpdate: Bool)
  }

  /// The file being written; guarded by a lock, since any worker may have a chunk of it.
  struct Output {
    var disposition = Disposition.undecided
    var descriptor: Int32 = -1
    /// What was there before, open for reading; for `inPlace`, unless it could not be opened.
    var existing: Int32 = -1
    /// The name under which it was created, ended by NUL; empty before that, and when it is complete.
    var createdName: [UInt8] = []
    /// For a link group's first member: what later members must be linked to.
    var identity: RestoreDirectory.Identity?
  }

  let directory: RestoreDirectory
  let entry: TreeEntry
  /// Ended by NUL.
  let name: [UInt8]
  /// The number of the item in the order of the walk: how `verify` finds it again.
  let number: Int
  let content: FileContent?
  /// Nil for a file without holes.
  let layout: DataLayout?
  /// Whether other names of the same file will be linked to this one.
  let isLinkLeader: Bool
  /// Whether the content comes in several pieces, so that the file must not be seen before the last.
  let isInPieces: Bool
  /// Whether the file is one chunk, and nothing else has to be known or kept about it: see `WholeFile`.
  let isOneChunk: Bool
  /// Whether the planner added all chunks within one window.
  var isWhole = true
  /// Set by the worker that restored the file at once, before it counts its chunk as dealt with.
  var isComplete = false

  let output: Mutex<Output>
  private let outstanding = Atomic<Int>(1)
  private let failed = Atomic<Bool>(false)

  init(
    directory: RestoreDirectory, entry: TreeEntry, number: Int, isLinkLeader: Bool
  ) {
    self.directory = directory
    self.entry = entry
    name = entry.name + [0]
    self.number = number
    self.isLinkLeader = isLinkLeader
    if case .file(let content) = entry.content {
      self.content = content
      layout = content.holes.isEmpty ? nil : DataLayout(content)
    } else {
      content = nil
      layout = nil
    }
    switch content?.form {
    case .chunks(let chunks): isInPieces = chunks.count > 1
    case .lists: isInPieces = true
    case nil: isInPieces = false
    }
    isOneChunk =
      !isInPieces && layout == nil && !isLinkLeader && !directory.mayHaveContent
      && content.map { $0.size > 0 } == true
    var output = Output()
    if !directory.mayHaveContent { output.disposition = .fresh }
    self.output = Mutex(output)
  }

  var size: UInt64 { content?.size ?? 0 }
  var path: [UInt8] { directory.path(of: entry.name) }
  var hasFailed: Bool { failed.load(ordering: .relaxed) }

  /// Bytes that its chunks hold.
  var dataSize: UInt64 { layout?.dataSize ?? size }

  func expect(_ chunks: Int) { outstanding.add(chunks, ordering: .relaxed) }

  /// Counts chunks as dealt with; true when those were the last.
  func settle(_ chunks: Int) -> Bool {
    chunks > 0 && outstanding.subtract(chunks, ordering: .acquiringAndReleasing).newValue == 0
  }

  /// Gives the file up; only the first failure is reported.
  func fail(_ error: any Error, _ session: RestoreSession) {
    if !failed.exchange(true, ordering: .relaxed) { session.report(path, error) }
  }

  /// Calls `body` with each piece of the file that a chunk makes.
  func forEachPiece(
    at offset: UInt64, length: Int,
    _ body: (_ fileOffset: UInt64, _ range: Range<Int>) throws -> Void
  ) rethrows {
    if let layout {
      try layout.forEachPiece(at: offset, length: length, body)
    } else {
      try body(offset, 0..<length)
    }
  }
}
