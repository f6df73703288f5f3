// The text of a witness policy (c2sp.org/tlog-policy):
//
//     log <vkey> [<url>]
//     witness <name> <vkey> [<url>]
//     group <name> all|any|<k> <name>...
//     quorum <name>|none
//
// Lines end in a newline; words are set apart by spaces and tabs. Empty lines and lines that start with # are
// ignored. Names are defined before they are used, each once; a name is a member of at most one group; no key
// stands twice. Octets: tab, newline, 0x20 to 0x7e, 0x80 to 0xff.

import VarveFormat

extension WitnessPolicy {
  /// Larger texts, and more logs, witnesses or groups, are refused.
  public static let largestByteCount = 1 << 20
  public static let definitionLimit = 1_000

  /// Parses the text of a policy.
  ///
  /// - Parameter what: names the text in errors.
  /// - Throws: `VarveError.Code.usage`, naming the line; `unsupportedFormat` for a witness or log whose key
  ///   is of a signature type that is not known. O(n).
  public init(_ bytes: [UInt8], _ what: String) throws {
    var reader = WitnessPolicyReader(what: what)
    try reader.read(bytes)
    self = try reader.policy()
  }

  /// The policy's text, in one spelling; comments are not kept.
  public var text: [UInt8] {
    var lines: [[UInt8]] = logs.map {
      Self.line([Array("log".utf8), Array($0.key.text.utf8)], $0.url)
    }
    lines += witnesses.map {
      Self.line([Array("witness".utf8), $0.name, Array($0.key.text.utf8)], $0.url)
    }
    for group in groups {
      lines.append(
        Self.line(
          [Array("group".utf8), group.name, Array("\(group.threshold)".utf8)]
            + group.members.map(name), nil))
    }
    lines.append(Self.line([Array("quorum".utf8), quorum.map(name) ?? Array("none".utf8)], nil))
    return lines.flatMap { $0 }
  }

  private static func line(_ words: [[UInt8]], _ url: [UInt8]?) -> [UInt8] {
    Array((words + (url.map { [$0] } ?? [])).joined(separator: [UInt8(ascii: " ")]))
      + [UInt8(ascii: "\n")]
  }

  private func name(_ member: Member) -> [UInt8] {
    switch member {
    case .witness(let place): witnesses[place].name
    case .group(let place): groups[place].name
    }
  }
}

/// Reads a policy line by line.
private struct WitnessPolicyReader {
  let what: String
  private var line = 0
  private var logs: [WitnessPolicy.Log] = []
  private var witnesses: [WitnessPolicy.Witness] = []
  private var groups: [WitnessPolicy.Group] = []
  private var quorum: WitnessPolicy.Member??
  private var members: [[UInt8]: WitnessPolicy.Member] = [:]
  private var grouped: Set<WitnessPolicy.Member> = []
  private var keys: Set<[UInt8]> = []
  private var logKeys: Set<[UInt8]> = []

  init(what: String) { self.what = what }

  private func fail(_ reason: String, _ code: VarveError.Code = .usage) -> VarveError {
    VarveError(
      code, "\(what), line \(line): \(reason)",
      hint: "see c2sp.org/tlog-policy and docs/operations.md for what a witness policy looks like")
  }

  mutating func read(_ bytes: [UInt8]) throws {
    guard bytes.count <= WitnessPolicy.largestByteCount else {
      throw VarveError(.usage, "\(what) is longer than a witness policy may be")
    }
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard let rest = lines.popLast(), rest.isEmpty else {
      line = lines.count + 1
      throw fail("the last line does not end in a newline")
    }
    for bytes in lines {
      line += 1
      guard bytes.allSatisfy({ $0 == 0x09 || (0x20...0x7e).contains($0) || $0 >= 0x80 }) else {
        throw fail("it has a control character")
      }
      let words = bytes.split { $0 == UInt8(ascii: " ") || $0 == 0x09 }.map { Array($0) }
      guard let verb = words.first, verb.first != UInt8(ascii: "#") else { continue }
      try read(String(decoding: verb, as: UTF8.self), Array(words.dropFirst()))
    }
  }

  private mutating func read(_ verb: String, _ words: [[UInt8]]) throws {
    switch (verb, words.count) {
    case ("log", 1...2): try readLog(words)
    case ("witness", 2...3): try readWitness(words)
    case ("group", 3...): try readGroup(words)
    case ("quorum", 1): try readQuorum(words[0])
    case ("log", _), ("witness", _), ("group", _), ("quorum", _):
      throw fail("\"\(verb)\" has too few or too many words")
    default: throw fail("no line starts with \"\(verb)\"")
    }
  }

  private mutating func readLog(_ words: [[UInt8]]) throws {
    let key = try key(words[0]) { try VerifierKey(text: $0) }
    guard logKeys.insert(key.publicKey).inserted else { throw fail("this log is listed twice") }
    logs.append(WitnessPolicy.Log(key: key, url: words.dropFirst().first))
    try requireRoom(logs.count)
  }

  private mutating func readWitness(_ words: [[UInt8]]) throws {
    let key = try key(words[1]) { try WitnessKey(text: $0) }
    guard keys.insert(key.publicKey).inserted else { throw fail("this witness is listed twice") }
    try define(words[0], as: .witness(witnesses.count))
    witnesses.append(
      WitnessPolicy.Witness(name: words[0], key: key, url: words.dropFirst(2).first))
    try requireRoom(witnesses.count)
  }

  private mutating func readGroup(_ words: [[UInt8]]) throws {
    let names = words.dropFirst(2)
    let threshold: Int
    switch String(decoding: words[1], as: UTF8.self) {
    case "all": threshold = names.count
    case "any": threshold = 1
    case let number:
      guard let value = Int(number), String(value) == number, (1...names.count).contains(value)
      else {
        throw fail("a group needs \"all\", \"any\" or a number from 1 to that of its members")
      }
      threshold = value
    }
    let all = try names.map { name in
      let member = try member(name)
      guard grouped.insert(member).inserted else {
        throw fail("\(text(name)) is a member of a group already")
      }
      return member
    }
    try define(words[0], as: .group(groups.count))
    groups.append(WitnessPolicy.Group(name: words[0], threshold: threshold, members: all))
    try requireRoom(groups.count)
  }

  private mutating func readQuorum(_ name: [UInt8]) throws {
    guard quorum == nil else { throw fail("there is a quorum already") }
    quorum = .some(name.elementsEqual("none".utf8) ? nil : try member(name))
  }

  private func member(_ name: [UInt8]) throws -> WitnessPolicy.Member {
    guard let member = members[name] else { throw fail("\(text(name)) is not defined above") }
    return member
  }

  private mutating func define(_ name: [UInt8], as member: WitnessPolicy.Member) throws {
    guard !name.elementsEqual("none".utf8) else { throw fail("nothing can be named \"none\"") }
    guard members[name] == nil else { throw fail("\(text(name)) is defined already") }
    members[name] = member
  }

  private func requireRoom(_ count: Int) throws {
    guard count <= WitnessPolicy.definitionLimit else {
      throw fail("there are more than \(WitnessPolicy.definitionLimit) of them")
    }
  }

  /// A key, or why it is none: another type of signature is nothing wrong, but nothing we can verify.
  private func key<Key>(_ word: [UInt8], _ parse: (String) throws -> Key) throws -> Key {
    guard let text = String(validating: word, as: UTF8.self) else {
      throw fail("the verifier key is malformed")
    }
    if let key = try? parse(text) { return key }
    let known = (try? VerifierKey(text: text)) != nil || (try? WitnessKey(text: text)) != nil
    if known {
      throw fail("a log's key has the signature type 0x01, a witness's 0x04; this is the other one")
    }
    let encoded = text.split(separator: "+", maxSplits: 2).last.flatMap {
      Base64.decode(String($0))
    }
    if let type = encoded?.first, ![1, 4].contains(type) {
      throw fail("verifier keys of the signature type \(type) are not known", .unsupportedFormat)
    }
    throw fail("the verifier key is malformed")
  }

  private func text(_ name: [UInt8]) -> String { "\"\(String(decoding: name, as: UTF8.self))\"" }

  func policy() throws -> WitnessPolicy {
    guard let quorum else { throw VarveError(.usage, "\(what) has no quorum line") }
    return WitnessPolicy(logs: logs, witnesses: witnesses, groups: groups, quorum: quorum)
  }
}
