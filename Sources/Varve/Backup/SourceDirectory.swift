import CVarveLinux
import Glibc
internal import VarveFormat

/// A directory of the snapshot that is made of what the user named: the snapshot's root, and each
/// directory between it and a source.
///
/// `backup /usr/share /etc/hosts` gives a root with `usr` (which has only `share`) and `etc` (only `hosts`). An
/// absolute path keeps all its directories; a relative one keeps those it is written with, `.` and
/// leading `..` aside, as restic does.
final class SourceDirectory: @unchecked Sendable {
  struct Entry {
    /// The name in the snapshot.
    let name: [UInt8]
    /// The path as the user knows it.
    let path: [UInt8]
    /// The directory that holds it, and its name there, both ended by NUL.
    fileprivate let directory: [CChar]
    let fileName: [CChar]
    /// Set when this is a directory on the way to sources, not a source itself.
    let inner: SourceDirectory?

    /// Opens the directory that holds it: only while it is used, since there may be more sources than descriptors.
    ///
    /// - Returns: a descriptor, which is the caller's to close, or a negated error number.
    func openDirectory() -> Int32 {
      directory.withUnsafeBufferPointer {
        varve_open(AT_FDCWD, $0.baseAddress!, varve_o_path | O_DIRECTORY, 0)
      }
    }
  }

  private(set) var entries: [Entry] = []

  private init() {}

  /// One path that the user named.
  private struct Source {
    let path: [UInt8]
    /// Components in the snapshot.
    let components: [[UInt8]]
  }

  /// What a set of paths makes.
  struct Plan {
    enum Root {
      /// The snapshot's root is this directory of the file system.
      case directory([UInt8])
      case named(SourceDirectory)
    }

    let root: Root
    /// Absolute paths of what was named below another source, and comes with that.
    fileprivate(set) var covered: [(path: [UInt8], by: [UInt8])] = []
  }

  /// - Parameters:
  ///   - paths: absolute or relative to the working directory; none empty.
  ///   - asPath: where the only path is to stand in the snapshot.
  /// - Throws: `.usage` for two sources under one name, or `asPath` with several paths.
  static func plan(_ paths: [[UInt8]], asPath: [UInt8]?) throws -> Plan {
    let slash = UInt8(ascii: "/")
    if asPath != nil && paths.count != 1 {
      throw VarveError(.usage, "--as-path takes exactly one source path, not \(paths.count)")
    }
    var sources: [Source] = []
    for path in paths {
      let parts = (asPath ?? path).split(separator: slash).map(Array.init)
      var components: [[UInt8]] = []
      for part in parts where part != [0x2e] {
        if part == [0x2e, 0x2e] {
          _ = components.popLast()
        } else {
          components.append(part)
        }
      }
      sources.append(
        Source(path: try SourceIdentity.absolute(path), components: components))
    }
    // The root itself as a source holds everything else that is named below it.
    if let whole = sources.first(where: { $0.components.isEmpty }) {
      let others = sources.filter {
        !$0.components.isEmpty && whole.path.count > 1
          && !$0.path.starts(with: whole.path + [slash])
      }
      if !others.isEmpty {
        throw VarveError(
          .usage, "'\(EscapedBytes.text(whole.path))' cannot be combined with other sources",
          hint: "name it by its absolute path, or make one snapshot for each")
      }
      let below = sources.filter { !$0.components.isEmpty }
      return Plan(
        root: .directory(whole.path), covered: below.map { (path: $0.path, by: whole.path) })
    }
    let root = SourceDirectory()
    var plan = Plan(root: .named(root))
    try root.fill(sources, depth: 0, &plan)
    return plan
  }

  private func fill(_ sources: [Source], depth: Int, _ plan: inout Plan) throws {
    var groups: [[UInt8]: [Source]] = [:]
    for source in sources { groups[source.components[depth], default: []].append(source) }
    for name in groups.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let group = groups[name] ?? []
      let complete = group.filter { $0.components.count == depth + 1 }
      if let source = complete.first {
        let below = group.filter { $0.components.count > depth + 1 }
        let isOne =
          complete.allSatisfy { $0.path == source.path }
          && below.allSatisfy { $0.path.starts(with: source.path + [UInt8(ascii: "/")]) }
        guard isOne else {
          throw VarveError(
            .usage, "two sources would both be '\(EscapedBytes.text(name))' in the snapshot",
            hint: "name them by their absolute paths, or make one snapshot for each")
        }
        entries.append(try Self.entry(name: name, path: source.path, inner: nil))
        plan.covered += below.map { (path: $0.path, by: source.path) }
      } else {
        let inner = SourceDirectory()
        try inner.fill(group, depth: depth + 1, &plan)
        // The path of the directory on the way, as far as the file system has it.
        let first = group[0]
        let above = first.components.count - depth - 1
        entries.append(
          try Self.entry(name: name, path: Self.ancestor(of: first.path, above), inner: inner))
      }
    }
  }

  /// `path` without its last `count` components.
  private static func ancestor(of path: [UInt8], _ count: Int) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    var result = path
    for _ in 0..<count {
      while result.count > 1 && result.last == slash { result.removeLast() }
      while let last = result.last, last != slash { result.removeLast() }
    }
    while result.count > 1 && result.last == slash { result.removeLast() }
    return result.isEmpty ? [0x2e] : result
  }

  private static func entry(
    name: [UInt8], path: [UInt8], inner: SourceDirectory?
  ) throws -> Entry {
    let slash = UInt8(ascii: "/")
    guard !path.contains(0) else { throw VarveError(.usage, "a source path has a zero byte") }
    var trimmed = path
    while trimmed.count > 1 && trimmed.last == slash { trimmed.removeLast() }
    var directory = trimmed
    while let last = directory.last, last != slash { directory.removeLast() }
    let base = Array(trimmed[directory.count...])
    if directory.isEmpty { directory = [0x2e] }
    let fileName = base.isEmpty ? [0x2e] : base
    return Entry(
      name: name, path: trimmed, directory: (directory + [0]).map { CChar(bitPattern: $0) },
      fileName: (fileName + [0]).map { CChar(bitPattern: $0) }, inner: inner)
  }
}
