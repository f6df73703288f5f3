/// What an entry's `meta` says, without the rest of the entry (docs/format.md, sections 9 and 9.1).
public struct EntryMetadata: Hashable, Sendable {
  public let attributes: EntryAttributes
  public let user: [UInt8]?
  public let group: [UInt8]?
  /// Ascending by name.
  public let extendedAttributes: [ExtendedAttribute]

  /// - Parameter meta: as encoded; not longer than an entry may be.
  /// - Throws: `.damaged` when any rule of section 9 is broken, or bytes are left over.
  public init(decoding meta: [UInt8]) throws {
    // The parser begins at an entry's name.
    let body = [1, UInt8(ascii: "-")] + meta
    (attributes, user, group, extendedAttributes) = try body.withUnsafeBytes { body in
      var parser = try TreeEntryParser(body)
      var attributes: [ExtendedAttribute] = []
      try parser.extendedAttributes { name, value in
        attributes.append(ExtendedAttribute(name: Array(name), value: Array(value)))
      }
      try parser.requireEnd()
      let head = parser.head
      return (
        head.attributes, head.user.map { Array($0) }, head.group.map { Array($0) }, attributes
      )
    }
  }
}
