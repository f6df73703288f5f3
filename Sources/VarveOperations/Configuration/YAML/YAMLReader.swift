import VarveFormat

/// Reads a document into nodes.
///
/// What YAML has and is not taken: several documents in a file, keys that are no scalars, tags other than those of the
/// core schema, a key twice, and what would grow beyond the limits: 64 levels, 50,000 nodes and 4 MiB of text, an alias
/// counted as often as it is used. `<<` merges mappings, as YAML 1.1 had it.
package struct YAMLReader {
  package static let depthLimit = 64
  package static let nodeLimit = 50_000
  package static let textLimit = 4 << 20

  private let events: YAMLEvents
  private let substitution: Substitution
  private var anchors: [String: YAMLNode] = [:]
  private var characters = 0
  private var problems: [ConfigurationProblem] = []

  private typealias Failure = YAMLEvents.Failure

  private init(_ events: YAMLEvents, _ substitution: Substitution) {
    self.events = events
    self.substitution = substitution
  }

  /// - Returns: nil for the node of an empty file, and where a problem kept it from being read.
  package static func read(
    _ bytes: [UInt8], file: String, substitution: Substitution
  ) -> (root: YAMLNode?, problems: [ConfigurationProblem]) {
    do throws(YAMLEvents.Failure) {
      var reader = YAMLReader(try YAMLEvents(bytes, file: file), substitution)
      do throws(YAMLEvents.Failure) {
        let root = try reader.document()
        return (root, reader.problems)
      } catch {
        return (nil, reader.problems + [ConfigurationProblem(error.position, .form, error.message)])
      }
    } catch {
      return (nil, [ConfigurationProblem(error.position, .form, error.message)])
    }
  }

  private mutating func document() throws(Failure) -> YAMLNode? {
    _ = try events.next()
    guard case .documentStart = try events.next().event else { return nil }
    let (event, position) = try events.next()
    let root = try node(event, position, depth: 0)
    _ = try events.next()
    let (end, place) = try events.next()
    guard case .streamEnd = end else {
      throw Failure(position: place, message: "a second document begins; one file has one")
    }
    // An empty document is a plain scalar of nothing.
    return root.isNull ? nil : root
  }

  private mutating func node(
    _ event: YAMLEvents.Event, _ position: SourcePosition, depth: Int
  ) throws(Failure) -> YAMLNode {
    guard depth < Self.depthLimit else {
      throw Failure(
        position: position, message: "it is nested more than \(Self.depthLimit) levels deep")
    }
    switch event {
    case .alias(let name):
      guard let node = anchors[name] else {
        throw Failure(
          position: position, message: "the alias *\(name) stands before its anchor is complete")
      }
      return node
    case .scalar(let text, let anchor, let tag, let isPlain):
      let scalar = try value(text, tag: tag, isPlain: isPlain, position)
      return keep(YAMLNode(.scalar(scalar), at: position, weight: 1), anchor)
    case .sequenceStart(let anchor, let tag):
      try require(tag, "seq", position)
      return keep(try sequence(position, depth), anchor)
    case .mappingStart(let anchor, let tag):
      try require(tag, "map", position)
      return keep(try mapping(position, depth), anchor)
    default:
      throw Failure(position: position, message: "a value is missing")
    }
  }

  private mutating func keep(_ node: YAMLNode, _ anchor: String?) -> YAMLNode {
    if let anchor { anchors[anchor] = node }
    return node
  }

  private mutating func sequence(
    _ position: SourcePosition, _ depth: Int
  ) throws(Failure) -> YAMLNode {
    var nodes: [YAMLNode] = []
    var weight = 1
    while true {
      let (event, place) = try events.next()
      if case .sequenceEnd = event { break }
      let node = try node(event, place, depth: depth + 1)
      try grow(&weight, by: node.weight, place)
      nodes.append(node)
    }
    return YAMLNode(.sequence(nodes), at: position, weight: weight)
  }

  private mutating func mapping(
    _ position: SourcePosition, _ depth: Int
  ) throws(Failure) -> YAMLNode {
    var entries: [YAMLEntry] = []
    var merged: [YAMLNode] = []
    var places: [String: SourcePosition] = [:]
    var weight = 1
    while true {
      let (event, place) = try events.next()
      if case .mappingEnd = event { break }
      guard case .scalar(let key, _, _, let isPlain) = event else {
        throw Failure(position: place, message: "a key must be plain text")
      }
      try check(key, place)
      let (next, valuePlace) = try events.next()
      let value = try node(next, valuePlace, depth: depth + 1)
      try grow(&weight, by: value.weight + 1, place)
      if let first = places.updateValue(place, forKey: key) {
        problems.append(
          ConfigurationProblem(
            place, .form,
            "'\(ByteText.printable(key))' stands here twice, first in line \(first.line)"))
      } else if key == "<<", isPlain {
        merged = value.isSequence ? value.elements : [value]
        if let wrong = merged.first(where: { !$0.isMapping }) {
          throw Failure(position: wrong.position, message: "<< merges mappings only")
        }
      } else {
        entries.append(YAMLEntry(key: key, position: place, value: value))
      }
    }
    for entry in merged.flatMap(\.entries) where places[entry.key] == nil {
      places[entry.key] = entry.position
      entries.append(entry)
    }
    return YAMLNode(.mapping(entries), at: position, weight: weight)
  }

  private func grow(_ weight: inout Int, by more: Int, _ place: SourcePosition) throws(Failure) {
    // Both are at most the limit and one.
    weight += more
    guard weight <= Self.nodeLimit else {
      throw Failure(
        position: place, message: "it has more than \(Self.nodeLimit) values, aliases expanded")
    }
  }

  // MARK: Scalars

  private mutating func value(
    _ text: String, tag: String?, isPlain: Bool, _ position: SourcePosition
  ) throws(Failure) -> YAMLScalar {
    try check(text, position)
    var result = text
    var written: String?
    do throws(Substitution.Failure) {
      result = try substitution.applied(to: text)
      if result != text { written = text }
    } catch {
      problems.append(ConfigurationProblem(position, .meaning, error.message))
      written = text
    }
    let scalar = YAMLScalar(result, written: written, isPlain: isPlain && tag == nil)
    guard let tag, tag != "!" else { return scalar }
    let typed = YAMLScalar(result, written: scalar.written, isPlain: true)
    switch (tag, typed.value) {
    case (Self.tag("str"), _): return scalar
    case (Self.tag("int"), .integer), (Self.tag("float"), .number), (Self.tag("float"), .integer),
      (Self.tag("bool"), .boolean), (Self.tag("null"), .null):
      return typed
    default:
      throw Failure(
        position: position,
        message: "the tag \(ByteText.printable(tag)) does not go with this value")
    }
  }

  private static func tag(_ name: String) -> String { "tag:yaml.org,2002:" + name }

  private func require(_ tag: String?, _ name: String, _ position: SourcePosition) throws(Failure) {
    guard tag == nil || tag == "!" || tag == Self.tag(name) else {
      throw Failure(
        position: position,
        message: "the tag \(ByteText.printable(tag ?? "")) is not known")
    }
  }

  private mutating func check(_ text: String, _ position: SourcePosition) throws(Failure) {
    guard !text.utf8.contains(0) else {
      throw Failure(position: position, message: "it contains a NUL character")
    }
    characters += text.utf8.count
    guard characters <= Self.textLimit else {
      throw Failure(
        position: position, message: "it has more than \(Self.textLimit >> 20) MiB of text")
    }
  }
}
