import Glibc
import VarveFormat

enum ConfigurationPath {
  /// `path` as it is meant in `file`: below the directory in which the file lies.
  static func absolute(_ path: String, besides file: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    let directory = directory(of: file)
    var rest = path[...]
    while rest.hasPrefix("./") { rest = rest.dropFirst(2).drop { $0 == "/" } }
    if rest.isEmpty || rest == "." { return directory }
    return directory == "/" ? "/" + rest : "\(directory)/\(rest)"
  }

  /// The directory of a file, absolute.
  static func directory(of file: String) -> String {
    guard let slash = file.lastIndex(of: "/") else { return current() }
    let directory = slash == file.startIndex ? "/" : String(file[..<slash])
    return directory.hasPrefix("/") ? directory : "\(current())/\(directory)"
  }

  private static func current() -> String {
    guard let path = getcwd(nil, 0) else { return "." }
    defer { free(path) }
    return RawArgument.text(String(cString: path), path)
  }

  /// What a glob pattern names, in order; nil when there is nothing of a name without wildcards.
  static func matches(_ pattern: String) -> [String]? {
    guard pattern.contains(where: { "*?[".contains($0) }) else {
      return access(RawArgument.cString(pattern), F_OK) == 0 ? [pattern] : nil
    }
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(RawArgument.cString(pattern), 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { index in
      found.gl_pathv[index].map { RawArgument.text(String(cString: $0), $0) }
    }
  }

  /// The one name of a file.
  static func canonical(_ path: String) -> String? {
    guard let real = realpath(RawArgument.cString(path), nil) else { return nil }
    defer { free(real) }
    return RawArgument.text(String(cString: real), real)
  }

  /// Who else than its owner and root may change or read a file.
  static func permissions(_ path: String) -> FilePermissions? {
    var status = stat()
    guard stat(RawArgument.cString(path), &status) == 0 else { return nil }
    return FilePermissions(
      mode: status.st_mode & 0o7777, isForeign: status.st_uid != 0 && status.st_uid != geteuid())
  }
}

struct FilePermissions {
  let mode: mode_t
  /// Whether it belongs to somebody else than root and who runs this.
  let isForeign: Bool

  var othersMayWrite: Bool { mode & 0o022 != 0 }
}
