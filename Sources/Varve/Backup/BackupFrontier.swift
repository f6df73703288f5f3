import Glibc
internal import VarveFormat

/// The directories of a walk that are listed and not complete: those that threads are in or will come back to, and all
/// above them. Everything else is complete, or not yet begun.
///
/// Only while no thread of the walk moves.
struct BackupFrontier {
  /// The deepest first.
  let jobs: [DirectoryJob]
  /// By parent, and by the place of its entry there.
  private let children: [ObjectIdentifier: [Int: DirectoryJob]]

  /// - Parameter work: the directories of all work that waits or is in hand.
  init(of work: some Sequence<DirectoryJob>) {
    var jobs: [DirectoryJob] = []
    var seen: Set<ObjectIdentifier> = []
    var children: [ObjectIdentifier: [Int: DirectoryJob]] = [:]
    for job in work {
      var current: DirectoryJob? = job
      while let job = current, seen.insert(ObjectIdentifier(job)).inserted {
        current = job.parent
        guard job.isListed else { continue }
        jobs.append(job)
        if let parent = job.parent {
          children[ObjectIdentifier(parent), default: [:]][job.index] = job
        }
      }
    }
    self.jobs = jobs.sorted { $0.depth > $1.depth }
    self.children = children
  }

  /// The snapshot's root directory, if it is listed.
  var root: DirectoryJob? { jobs.last.flatMap { $0.parent == nil ? $0 : nil } }

  /// The directory in work that an entry stands for.
  func child(of job: DirectoryJob, at index: Int) -> DirectoryJob? {
    children[ObjectIdentifier(job)]?[index]
  }

  /// Whether what is done includes the entry at `path`, components from the root joined by `/`. O(log n) for each
  /// component.
  func includes(_ path: [UInt8]) -> Bool {
    guard var job = root else { return false }
    for name in path.split(separator: UInt8(ascii: "/")) {
      guard let index = name.withUnsafeBytes({ Self.find($0, in: job) }) else { return false }
      if job.entries[index].place != .none { return true }
      guard let child = child(of: job, at: index) else { return false }
      job = child
    }
    return false
  }

  private static func find(_ name: UnsafeRawBufferPointer, in job: DirectoryJob) -> Int? {
    var low = 0
    var high = job.entries.count
    while low < high {
      let middle = (low + high) / 2
      let isBefore = job.withName(job.entries[middle]) { EntryName.precedes($0, name) }
      if isBefore { low = middle + 1 } else { high = middle }
    }
    guard low < job.entries.count else { return nil }
    return job.withName(job.entries[low]) { $0.elementsEqual(name) } ? low : nil
  }
}
