// A list of digests as `sha256sum` of GNU coreutils writes it and `sha256sum -c` reads it:
//
//   line := ["\"] digest:64 hex  "  " name  LF
//
// A name with a backslash, line feed or carriage return is written with \\, \n and \r for them, and the line
// begins with a backslash to say so. The name `-` would be standard input, so it is written `./-`.

internal import VarveCrypto
public import VarveFormat

/// The files of a snapshot with the SHA-256 of their content, as its tree records it: what `varve manifest` lists.
///
/// Nothing but the tree is read. Hard links are listed under each of their names; links, devices, FIFOs and directories
/// have no content and are left out.
public struct Manifest: Sendable {
  /// How names are written.
  public enum Naming: Sendable {
    /// From the directory that is listed, as `restore snapshot:path` puts them into its target.
    case relative
    /// The paths that the snapshot has.
    case absolute
  }

  public struct File: Sendable {
    public var name: [UInt8]
    public var path: [UInt8]
    public var size: UInt64
    public var digest: Digest

    /// The line that says it, with its line feed.
    public var line: [UInt8] {
      var line: [UInt8] = []
      let isEscaped = name.contains { $0 == 0x5c || $0 == 0x0a || $0 == 0x0d }
      if isEscaped { line.append(0x5c) }
      line.append(contentsOf: digest.hex.utf8)
      line.append(contentsOf: "  ".utf8)
      if name == [0x2d] { line.append(contentsOf: "./".utf8) }
      for byte in name {
        switch byte {
        case 0x5c: line.append(contentsOf: "\\\\".utf8)
        case 0x0a: line.append(contentsOf: "\\n".utf8)
        case 0x0d: line.append(contentsOf: "\\r".utf8)
        default: line.append(byte)
        }
      }
      line.append(0x0a)
      return line
    }
  }

  private let naming: Naming

  public init(naming: Naming = .relative) { self.naming = naming }

  /// Calls `body` with each file at or below `path`, in the order of names. Memory is flat.
  ///
  /// - Throws: `.notFound` when there is no such path; `.damaged`, `.missing`, and what `body` throws.
  public func forEach(
    in snapshot: SnapshotRecord, at path: SnapshotPath, from source: some ChunkSource,
    _ body: (File) throws -> Void
  ) throws {
    let root = snapshot.rootDirectory
    let entry = try TreeLookup.entry(at: path, below: root, from: source)
    var directory = root
    switch entry?.content {
    case nil: break
    case .directory(let content): directory = content
    case .file(let content):
      let name = path.components.last ?? []
      return try body(file(content, name: name, path: path.bytes))
    case .link, .device, .some(.none):
      throw VarveError(.notFound, "\(path) is neither a file nor a directory")
    }
    let prefix = path.isRoot ? [] : path.bytes
    let walk = try TreeWalk(directory, at: prefix, from: source)
    while let step = try walk.next() {
      guard case .entry(let raw) = step else { continue }
      switch try raw.decode().content {
      case .directory(let content): try walk.enter(content)
      case .file(let content):
        let name = Array(walk.path.dropFirst(prefix.count + 1))
        try body(file(content, name: name, path: walk.path))
      case .link, .device, .none: break
      }
    }
  }

  private func file(_ content: FileContent, name: [UInt8], path: [UInt8]) -> File {
    // The digest of nothing is not recorded.
    let digest = content.size == 0 ? SHA256.digest([]) : content.digest
    return File(
      name: naming == .absolute ? path : name, path: path, size: content.size, digest: digest)
  }
}
