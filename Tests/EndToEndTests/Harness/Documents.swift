import Foundation
import Testing

/// A parsed JSON value with look-ups that a test can chain.
struct Document {
  let value: Any?

  init(_ value: Any?) { self.value = value }

  init(parsing text: some StringProtocol) throws {
    value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
  }

  subscript(key: String) -> Document { Document((value as? [String: Any])?[key]) }
  subscript(index: Int) -> Document {
    let elements = list
    return index < elements.count ? elements[index] : Document(nil)
  }

  var list: [Document] { (value as? [Any])?.map(Document.init) ?? [] }
  var keys: Set<String> { Set((value as? [String: Any])?.keys.map { $0 } ?? []) }
  var string: String? { value as? String }
  var bool: Bool? { value as? Bool }
  var strings: [String] { list.compactMap(\.string) }
  var number: Int? { (value as? NSNumber)?.intValue }
  var double: Double? { (value as? NSNumber)?.doubleValue }
  var flag: Bool? { value as? Bool }
  var exists: Bool { value != nil && !(value is NSNull) }
}

extension Outcome {
  /// Standard output as one JSON value.
  func document() throws -> Document { try Document(parsing: text) }

  /// Standard output as JSON lines; every line has to parse.
  func documents() throws -> [Document] { try lines.map { try Document(parsing: $0) } }

  /// The line of that `message_type`; there must be exactly one.
  func message(_ type: String, at location: SourceLocation = #_sourceLocation) throws -> Document {
    let found = try documents().filter { $0["message_type"].string == type }
    try #require(
      found.count == 1, "\(found.count) lines of type \(type) in: \(text)", sourceLocation: location
    )
    return found[0]
  }
}

extension Workspace {
  /// Backs up and gives the summary line.
  @discardableResult
  func backup(_ arguments: String..., at location: SourceLocation = #_sourceLocation) throws
    -> Document
  {
    let outcome = try varve(["backup", "--json"] + (arguments.isEmpty ? [source] : arguments))
    try #require(
      outcome.code == 0, "backup: \(outcome.code)\n\(outcome.errors)", sourceLocation: location)
    return try outcome.message("summary", at: location)
  }

  /// All snapshots, oldest first.
  func snapshots(_ arguments: String...) throws -> [Document] {
    let outcome = try varve(["snapshots", "--json"] + arguments)
    try #require(outcome.code == 0, "snapshots: \(outcome.code)\n\(outcome.errors)")
    return try outcome.document().list
  }

  /// Restores one snapshot's subtree to `target`, by default the newest one's `source`.
  func restoreSource(_ snapshot: String = "latest", _ options: String...) throws -> Outcome {
    try varve(["restore", "\(snapshot):\(source)", "--target", target] + options)
  }
}
