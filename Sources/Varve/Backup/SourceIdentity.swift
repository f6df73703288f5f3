import Glibc
internal import VarveFormat
internal import VarveStorage

/// Whose files a snapshot has: what its record says of host, user and paths, and what snapshots of the same sources
/// are recognised by.
struct SourceIdentity {
  let host: [UInt8]
  let user: [UInt8]
  /// Absolute, ascending, each once.
  let paths: [[UInt8]]

  /// - Throws: `.usage` for an empty path, `.io` when the working directory is not known.
  init(_ options: BackupOptions) throws {
    host = options.host ?? MachineName.bytes()
    user = AccountNames().user(getuid()) ?? Array("\(getuid())".utf8)
    switch options.source {
    case .paths(let named):
      if let asPath = options.asPath {
        paths = [CleanPath.clean([UInt8(ascii: "/")] + asPath)]
      } else {
        paths = Set(try named.map(Self.absolute)).sorted { $0.lexicographicallyPrecedes($1) }
      }
    case .standardInput(let name), .command(_, let name), .stream(_, let name):
      paths = [CleanPath.clean([UInt8(ascii: "/")] + name)]
    case .assembled(let tree): paths = tree.source.paths
    }
  }

  /// `path` from the root of the file system, by text alone.
  static func absolute(_ path: [UInt8]) throws -> [UInt8] {
    guard !path.isEmpty else { throw VarveError(.usage, "a source path is empty") }
    if path.first == UInt8(ascii: "/") { return CleanPath.clean(path) }
    guard let current = getcwd(nil, 0) else {
      throw VarveError(
        .io, "the working directory is not known: \(SystemError.text(errno))",
        hint: "name sources by absolute paths")
    }
    defer { free(current) }
    let directory = Array(UnsafeRawBufferPointer(start: current, count: strlen(current)))
    return CleanPath.clean(directory + [UInt8(ascii: "/")] + path)
  }
}
