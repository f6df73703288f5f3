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
}
