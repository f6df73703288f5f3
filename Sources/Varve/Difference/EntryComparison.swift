import VarveFormat

/// How two entries of one name differ.
enum EntryComparison {
  typealias Kind = Difference.Change.Kind

  static func kind(_ a: TreeEntry, _ b: TreeEntry, includesMetadata: Bool) -> Kind {
    var kind: Kind = []
    if a.type != b.type { kind.insert(.type) }
    let sameMetadata = hasSameMetadata(a, b)
    if a.type == b.type && !hasSameContent(a, b) {
      kind.insert(.content)
      if a.type == .file && sameMetadata { kind.insert(.suspicious) }
    } else if includesMetadata && !sameMetadata {
      kind.insert(.metadata)
    }
    return kind
  }

  private static func hasSameContent(_ a: TreeEntry, _ b: TreeEntry) -> Bool {
    switch (a.content, b.content) {
    case (.file(let a), .file(let b)): a.size == b.size && a.digest == b.digest
    case (.directory, .directory): true
    default: a.content == b.content
    }
  }

  private static func hasSameMetadata(_ a: TreeEntry, _ b: TreeEntry) -> Bool {
    guard a.attributes == b.attributes, a.user == b.user, a.group == b.group,
      a.extendedAttributes == b.extendedAttributes
    else { return false }
    guard case .file(let a) = a.content, case .file(let b) = b.content else { return true }
    return a.size == b.size && a.holes == b.holes
  }
}
