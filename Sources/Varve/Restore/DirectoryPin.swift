import VarveFormat

/// Keeps the directory that a thread used last open for it, so that the files of a directory, which
/// come one after another, cost one turn of the lock that all threads share and not one each.
///
/// Only for directories that cannot be finished meanwhile: whoever asks holds them. One per thread.
final class DirectoryPin {
  private let directories: OpenDirectories
  private var directory: RestoreDirectory?
  private var descriptor: Int32 = -1

  init(_ directories: OpenDirectories) { self.directories = directories }

  deinit { release() }

  /// The directory's descriptor, which stays open until the next call.
  ///
  /// - Throws: `.io` when it cannot be reached any more.
  func descriptor(of directory: RestoreDirectory) throws -> Int32 {
    if self.directory === directory { return descriptor }
    release()
    descriptor = try directories.pin(directory)
    self.directory = directory
    return descriptor
  }

  /// Lets go, before the thread waits for others.
  func release() {
    if let directory { directories.unpin(directory) }
    directory = nil
  }
}
