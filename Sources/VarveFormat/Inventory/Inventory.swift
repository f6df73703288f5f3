/// A list of objects that a log entry adds or removes (docs/format.md, section 11).
///
/// ```
/// "varve inventory v1\n" ( <object name> " " <size> "\n" )*
/// ```
/// Lines ascend by name. An inventory is not sealed: an auditor without a key can read which objects, and
/// of which size, belong to a snapshot.
public struct Inventory: Equatable, Sendable {
  /// The longest inventory, in bytes: over 2,500,000 objects.
  public static let byteLimit = 256 << 20

  private static let title: [UInt8] = Array("varve inventory v1\n".utf8)
  private static let lineFeed = UInt8(ascii: "\n")
  private static let space = UInt8(ascii: " ")

  /// Ascending by name.
  public let objects: [ObjectReference]

  /// - Parameter objects: in any order; each name once.
  public init(_ objects: some Sequence<ObjectReference>) { self.objects = objects.sorted() }

  public func encode() -> [UInt8] {
    var bytes = Inventory.title
    bytes.reserveCapacity(bytes.count + objects.count * 96)
    for object in objects {
      bytes.append(contentsOf: object.name.utf8)
      bytes.append(Inventory.space)
      bytes.append(contentsOf: String(object.size).utf8)
      bytes.append(Inventory.lineFeed)
    }
    return bytes
  }

  /// - Throws: `.damaged` unless it is canonical and names only objects that a digest names;
  ///   `.unsupportedFormat` for another version.
  public init(decoding bytes: [UInt8]) throws {
    var objects: [ObjectReference] = []
    try Inventory.forEachObject(in: bytes) { name, _, size in
      objects.append(ObjectReference(name: String(decoding: name, as: UTF8.self), size: size))
    }
    self.objects = objects
  }

  /// Calls `body` with each object in turn, as `init(decoding:)` reads them, without making strings: 10^6
  /// packs take 0.3 s.
  ///
  /// - Throws: as `init(decoding:)`; `body` may then have been called with the lines before.
  package static func forEachObject(
    in bytes: [UInt8],
    _ body: (_ name: UnsafeRawBufferPointer, _ kind: ObjectClass, _ size: UInt64) -> Void
  ) throws {
    guard bytes.count <= byteLimit else { throw fail("it is too long") }
    guard bytes.starts(with: title) else {
      if bytes.starts(with: "varve inventory v".utf8), bytes.contains(lineFeed) {
        throw VarveError.newerFormat("the inventory has another version")
      }
      throw fail("it does not begin with its title")
    }
    try bytes.withUnsafeBytes { bytes in
      var rest = UnsafeRawBufferPointer(rebasing: bytes[title.count...])
      var last: UnsafeRawBufferPointer?
      var number = 1
      while !rest.isEmpty {
        number += 1
        guard let end = rest.firstIndex(of: lineFeed) else {
          throw fail("its last line has no end")
        }
        let line = UnsafeRawBufferPointer(rebasing: rest[..<end])
        guard let gap = line.firstIndex(of: space),
          let size = size(UnsafeRawBufferPointer(rebasing: line[(gap + 1)...])),
          let kind = kind(UnsafeRawBufferPointer(rebasing: line[..<gap]))
        else { throw fail("line \(number)") }
        let name = UnsafeRawBufferPointer(rebasing: line[..<gap])
        if let last, !last.lexicographicallyPrecedes(name) {
          throw fail("its names do not ascend")
        }
        body(name, kind, size)
        last = name
        rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
      }
    }
  }

  /// The class of a name that has a digest in it.
  private static func kind(_ name: UnsafeRawBufferPointer) -> ObjectClass? {
    if let content = ObjectClass(content: name) { return content }
    let text = String(decoding: name, as: UTF8.self)
    return ObjectName.digest(of: text) == nil ? nil : ObjectClass(text)
  }

  private static func size(_ digits: UnsafeRawBufferPointer) -> UInt64? {
    guard (1...19).contains(digits.count), digits[0] != UInt8(ascii: "0") else { return nil }
    var size: UInt64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      size = size * 10 + UInt64(digit - 0x30)
    }
    return size
  }

  private static func fail(_ what: String) -> VarveError {
    VarveError(.damaged, "inventory is damaged: \(what)")
  }
}
