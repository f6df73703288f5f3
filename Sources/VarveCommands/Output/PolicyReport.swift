import Varve
import VarveFormat
import VarveRepository

/// Policies as text and as JSON.
struct PolicyReport {
  private let names: PolicyNames

  init(_ names: PolicyNames) { self.names = names }

  /// `keep 7 daily snapshots`.
  func text(_ policy: RetentionPolicy) -> String {
    ByteText.printable(names.rules(policy).description)
  }

  /// For whom it is, in a table's lines: the host, then the paths.
  func source(_ id: Digest?) -> (host: String, paths: [String]) {
    guard let id else { return ("(default)", [""]) }
    guard let source = names.sources[id] else { return ("?", ["source \(id.hex.prefix(16))"]) }
    return (ByteText.printable(source.host), source.paths.map(ByteText.printable))
  }

  func members(_ id: Digest?, _ policy: LogState.Policy, into writer: inout JSONWriter) {
    members(id, into: &writer)
    writer.key("keep")
    keep(policy.keep, into: &writer)
    writer.member("text", names.rules(policy.keep).description)
    writer.member("entry", policy.entry)
    writer.member("author", policy.author.text)
    writer.member("time", policy.time.utcSeconds)
  }

  func members(_ id: Digest?, into writer: inout JSONWriter) {
    writer.member("default", id == nil)
    guard let id else { return }
    writer.member("source", id.hex)
    guard let source = names.sources[id] else { return }
    writer.member("hostname", bytes: source.host)
    writer.members("paths", bytes: source.paths)
  }

  private func keep(_ policy: RetentionPolicy, into writer: inout JSONWriter) {
    writer.object { writer in
      for rule in RetentionPolicy.CountRule.allCases {
        switch policy[rule] {
        case .limited(0): continue
        case .limited(let count): writer.member(rule.rawValue, count)
        case .unlimited: writer.member(rule.rawValue, -1)
        }
      }
      for rule in RetentionPolicy.DurationRule.allCases where !policy[rule].isZero {
        writer.member(rule.rawValue, policy[rule].text)
      }
      guard !policy.tags.isEmpty else { return }
      writer.key("tags")
      writer.array { writer in
        for tag in policy.tags {
          writer.object {
            $0.member("id", tag.hex)
            if let name = names.tags[tag] { $0.member("tag", name) }
          }
        }
      }
    }
  }
}
