/// Which class of object a name denotes (docs/format.md, section 3); names that are not spelled
/// exactly as the format spells them denote none.
public enum ObjectClass: Hashable, Sendable {
  case config
  case credential(Digest)
  case commit(UInt64)
  case checkpoint
  /// A derived tile or entry bundle of the log, by the rest of its name.
  case tile(String)
  case pack(Digest)
  case index(Digest)
  case snapshot(Digest)
  case inventory(Digest)

  /// - Returns: nil when `name` is no object's name. O(length).
  public init?(_ name: String) {
    var copy = name
    if let content = copy.withUTF8({ ObjectClass(content: UnsafeRawBufferPointer($0)) }) {
      self = content
      return
    }
    switch name {
    case ObjectName.config: self = .config
    case ObjectName.checkpoint: self = .checkpoint
    default:
      guard let parsed = ObjectClass.parse(name) else { return nil }
      self = parsed
    }
  }

  private static func parse(_ name: String) -> ObjectClass? {
    func rest(_ prefix: String) -> Substring? {
      name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : nil
    }
    func digest(_ prefix: String) -> Digest? { rest(prefix).flatMap { Digest(hex: $0) } }

    if let path = rest(ObjectName.packPrefix) {
      guard path.utf8.count == 67, let digest = Digest(hex: path.dropFirst(3)),
        path == digest.hex.prefix(2) + "/" + digest.hex
      else { return nil }
      return .pack(digest)
    }
    if let digits = rest(ObjectName.commitPrefix) {
      guard digits.utf8.count == 16, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let size = UInt64(digits)
      else { return nil }
      return .commit(size)
    }
    if let path = rest(ObjectName.tilePrefix) { return path.isEmpty ? nil : .tile(String(path)) }
    if let id = digest(ObjectName.credentialPrefix) { return .credential(id) }
    if let id = digest(ObjectName.indexPrefix) { return .index(id) }
    if let id = digest(ObjectName.snapshotPrefix) { return .snapshot(id) }
    if let id = digest(ObjectName.inventoryPrefix) { return .inventory(id) }
    return nil
  }

  /// The class of a pack's or an index segment's name; nil for all others. There may be millions of them in
  /// a log state, so nothing is allocated.
  init?(content name: UnsafeRawBufferPointer) {
    func begins(_ prefix: StaticString) -> Bool {
      name.prefix(prefix.utf8CodeUnitCount)
        .elementsEqual(
          UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount))
    }
    func digest(from start: Int) -> Digest? {
      Digest(hexDigits: UnsafeRawBufferPointer(rebasing: name[start...]))
    }
    switch name.count {
    case 73 where begins("packs/"):
      guard name[8] == UInt8(ascii: "/"), name[6] == name[9], name[7] == name[10],
        let digest = digest(from: 9)
      else { return nil }
      self = .pack(digest)
    case 70 where begins("index/"):
      guard let digest = digest(from: 6) else { return nil }
      self = .index(digest)
    default: return nil
    }
  }
}
