// The files that the AWS tools share (docs.aws.amazon.com/sdkref, "Shared config and credentials files"): INI with
// sections, and `#` and `;` before comments. Indented lines below a setting without a value are its nested settings, which
// are passed over.
//
//     ~/.aws/credentials   [name]           aws_access_key_id, aws_secret_access_key, aws_session_token
//     ~/.aws/config        [profile name]   the same, and region, endpoint_url; [default] without "profile"
//
// What both files say of a profile, the credentials file decides.

/// One profile of the shared files.
package struct AWSProfile: Equatable {
  package private(set) var settings: [String: String] = [:]

  package subscript(_ name: String) -> String? { settings[name].flatMap { $0.isEmpty ? nil : $0 } }

  /// - Parameters:
  ///   - config: text of the config file, if there is one.
  ///   - credentials: text of the credentials file, if there is one.
  /// - Returns: nil when neither has the profile. O(n).
  package static func read(_ name: String, config: String?, credentials: String?) -> AWSProfile? {
    var found: AWSProfile?
    func take(_ settings: [String: String]?) {
      guard let settings else { return }
      var merged = found ?? AWSProfile()
      merged.settings.merge(settings) { _, new in new }
      found = merged
    }
    if let sections = config.map(sections) {
      if name == "default" { take(sections["default"]) }
      take(sections["profile \(name)"])
    }
    if let sections = credentials.map(sections) { take(sections[name]) }
    return found
  }

  /// Settings by the names of their sections, in which runs of white space are one space.
  private static func sections(_ text: String) -> [String: [String: String]] {
    var sections: [String: [String: String]] = [:]
    var current: String?
    var isNesting = false
    for line in text.utf8.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }) {
      let content = trimmed(line)
      guard let first = content.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";")
      else { continue }
      if first == UInt8(ascii: "[") {
        current = sectionName(content)
        if let current { sections[current, default: [:]].merge([:]) { old, _ in old } }
        isNesting = false
        continue
      }
      let isIndented = line.first.map(isSpace) ?? false
      if isNesting && isIndented { continue }
      guard let current, let equals = content.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let name = trimmed(content[..<equals])
      let value = withoutComment(trimmed(content[content.index(after: equals)...]))
      isNesting = value.isEmpty
      sections[current, default: [:]][String(Substring(name)).lowercased()] =
        String(Substring(value))
    }
    return sections
  }

  private static func sectionName(_ line: Substring.UTF8View) -> String? {
    guard let end = line.firstIndex(of: UInt8(ascii: "]")) else { return nil }
    // The name of a profile may stand in quotation marks.
    return line[line.index(after: line.startIndex)..<end]
      .split { isSpace($0) || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
      .map { String(Substring($0)) }.joined(separator: " ")
  }

  /// A comment behind a value begins after white space.
  private static func withoutComment(_ value: Substring.UTF8View) -> Substring.UTF8View {
    var isAfterSpace = true
    for index in value.indices {
      let byte = value[index]
      if isAfterSpace && (byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";")) {
        return trimmed(value[..<index])
      }
      isAfterSpace = isSpace(byte)
    }
    return value
  }

  private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
    let start = text.drop(while: isSpace)
    guard let last = start.lastIndex(where: { !isSpace($0) }) else { return start }
    return start[...last]
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
