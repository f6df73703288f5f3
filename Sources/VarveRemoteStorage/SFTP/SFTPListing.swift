import VarveFormat
import VarveStorage

/// Walks the directories of a store, several at a time.
struct SFTPListing {
  /// Directories that are read at one time: a round trip for all of them, not for each.
  private static let width = 32
  /// More than a repository has by far; a server that makes up names without end is stopped there.
  private static let mostDirectories = 1_000_000

  let session: SFTPSession
  /// Of the store.
  let root: String
  let mostEntries: Int

  private struct OpenDirectory {
    let path: String
    let handle: [UInt8]
  }

  /// Calls `body` with each object below `directory`, a path in the store.
  func objects(below directory: String, _ body: (String, UInt64) throws -> Void) throws {
    var pending = [directory]
    var seen = 0
    while !pending.isEmpty {
      let wave = Array(pending.suffix(Self.width))
      pending.removeLast(wave.count)
      try entries(of: wave) { path, attributes in
        seen += 1
        guard seen <= mostEntries, pending.count < Self.mostDirectories else { throw tooMany }
        // Also keeps out what begins with a dot: the directory itself, and the one above it.
        guard StorageName.isValid(path) else { return }
        var attributes = attributes
        if attributes.isUnclear {
          guard let found = try session.status(fullPath(path)) else { return }
          attributes = found
        }
        if attributes.isDirectory {
          pending.append(path)
        } else if attributes.isRegularFile {
          try body(path, attributes.size ?? 0)
        }
      }
    }
  }

  /// Calls `body` with each entry of some directories, at most `mostEntries`; those that are not there have none.
  func entries(
    of directories: [String], _ body: (String, SFTPAttributes) throws -> Void
  ) throws {
    var open: [OpenDirectory] = []
    defer { for directory in open { session.attempt(.close(handle: directory.handle)) } }
    let answers = try session.ask(directories.map { .openDirectory(path: fullPath($0)) })
    var refusal: VarveError?
    for (path, answer) in zip(directories, answers) {
      switch answer {
      case .handle(let handle): open.append(OpenDirectory(path: path, handle: handle))
      case .status(let status):
        if status.code == SFTPStatus.noSuchFile { continue }
        if status.code == SFTPStatus.failure,
          try session.status(fullPath(path))?.isDirectory != true
        {
          continue
        }
        refusal = session.failure(status, "list \(fullPath(path))")
      default: refusal = session.unexpected()
      }
    }
    if let refusal { throw refusal }
    var reading = open
    var seen = 0
    while !reading.isEmpty {
      let answers = try session.ask(reading.map { .readDirectory(handle: $0.handle) })
      var goingOn: [OpenDirectory] = []
      for (directory, answer) in zip(reading, answers) {
        switch answer {
        case .names(let entries):
          goingOn.append(directory)
          seen += entries.count
          guard seen <= mostEntries else { throw tooMany }
          for entry in entries {
            let name = entry.name
            try body(
              directory.path.isEmpty ? name : "\(directory.path)/\(name)", entry.attributes)
          }
        case .status(let status) where status.code == SFTPStatus.end: break
        case .status(let status):
          throw session.failure(status, "list \(fullPath(directory.path))")
        default: throw session.unexpected()
        }
      }
      reading = goingOn
    }
  }

  private var tooMany: VarveError {
    VarveError(.io, "\(session.location) lists more than a repository can have")
  }

  private func fullPath(_ path: String) -> String { path.isEmpty ? root : "\(root)/\(path)" }
}
