import VarveFormat

/// The names that a store takes: components of `0-9 a-z - .` joined by single slashes, none of them
/// `.` or `..` or starting with a dot, none called `tmp` in front, 1 to 255 bytes in all.
///
/// A name can therefore never lead out of the store, on whatever system it is kept.
public enum StorageName {
  /// The directory of unfinished objects, which no name can enter.
  package static let temporaryDirectory = "tmp"

  /// - Throws: `VarveError.Code.usage` for any other name.
  public static func validate(_ name: String) throws {
    guard isValid(name) else {
      throw VarveError(.usage, "'\(name)' is not a possible object name")
    }
  }

  /// O(n).
  public static func isValid(_ name: String) -> Bool {
    var isAtStart = true
    var count = 0
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"):
        isAtStart = false
      case UInt8(ascii: "."), UInt8(ascii: "/"):
        if isAtStart { return false }
        isAtStart = byte == UInt8(ascii: "/")
      default:
        return false
      }
      count += 1
    }
    return !isAtStart && count <= 255 && !name.hasPrefix(temporaryDirectory + "/")
      && name != temporaryDirectory
  }

  /// Whether `name` lies below the directory `prefix`.
  static func lies(_ name: String, below prefix: String) -> Bool {
    prefix.isEmpty || name.hasPrefix(prefix.hasSuffix("/") ? prefix : prefix + "/")
  }

  /// A directory as `StorageBackend.list` takes it, without a slash at its end.
  package static func directory(_ prefix: String) throws -> String {
    let directory = prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix
    if !directory.isEmpty { try validate(directory) }
    return directory
  }
}
