import Glibc

/// The rule for names (docs/format.md, section 9): whatever a tree says, a name is one component.
public enum EntryName {
  /// Whether `name` has 1 to 4,096 bytes without `/` and NUL and is not `.` or `..`. O(n).
  public static func isValid(_ name: UnsafeRawBufferPointer) -> Bool {
    guard (1...TreeLimits.nameByteCount).contains(name.count) else { return false }
    if name.count <= 2, name[0] == dot, name[name.count - 1] == dot { return false }
    for byte in name where byte == slash || byte == 0 { return false }
    return true
  }

  public static func isValid(_ name: [UInt8]) -> Bool { name.withUnsafeBytes { isValid($0) } }

  /// Whether `a` comes before `b`: by bytes, a prefix first.
  @inline(__always)
  public static func precedes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    let order = memcmp(a.baseAddress, b.baseAddress, min(a.count, b.count))
    return order < 0 || order == 0 && a.count < b.count
  }

  private static let dot = UInt8(ascii: ".")
  private static let slash = UInt8(ascii: "/")

  @inline(__always)
  private static func memcmp(
    _ a: UnsafeRawPointer?, _ b: UnsafeRawPointer?, _ count: Int
  ) -> Int32 {
    guard count > 0, let a, let b else { return 0 }
    return Glibc.memcmp(a, b, count)
  }
}
