/// An object by name, and its size in bytes.
public struct ObjectReference: Hashable, Sendable {
  public let name: String
  public let size: UInt64

  public init(name: String, size: UInt64) {
    self.name = name
    self.size = size
  }
}

extension ObjectReference: Comparable {
  /// By name's bytes.
  public static func < (a: ObjectReference, b: ObjectReference) -> Bool {
    a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
  }
}
