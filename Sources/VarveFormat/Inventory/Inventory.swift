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
    func fail(_ what: String) -> VarveError {
      VarveError(.damaged, "inventory is damaged: \(what)")
    }
    guard bytes.count <= Inventory.byteLimit else { throw fail("it is too long") }
    guard bytes.starts(with: Inventory.title) else {
      if bytes.starts(with: "varve inventory v".utf8), bytes.contains(Inventory.lineFeed) {
        throw VarveError.newerFormat("the inventory has another version")
      }
      throw fail("it does not begin with its title")
    }
    var objects: [ObjectReference] = []
    var start = Inventory.title.count
    while start < bytes.count {
      guard let end = bytes[start...].firstIndex(of: Inventory.lineFeed) else {
        throw fail("its last line has no end")
      }
      guard let object = Inventory.object(bytes[start..<end]) else {
        throw fail("line \(objects.count + 2)")
      }
      if let last = objects.last, last >= object {
        throw fail("its names do not ascend")
      }
      objects.append(object)
      start = end + 1
    }
    self.objects = objects
  }

  private static func object(_ line: ArraySlice<UInt8>) -> ObjectReference? {
    guard let gap = line.firstIndex(of: space) else { return nil }
    let digits = line[(gap + 1)...]
    let name = String(decoding: line[..<gap], as: UTF8.self)
    guard (1...19).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
      digits.first != UInt8(ascii: "0"), ObjectName.digest(of: name) != nil,
      let size = UInt64(String(decoding: digits, as: UTF8.self))
    else { return nil }
    return ObjectReference(name: name, size: size)
  }
}
