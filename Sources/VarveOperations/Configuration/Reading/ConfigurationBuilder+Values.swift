import Varve
import VarveFormat

extension ConfigurationBuilder {
  func text(_ node: YAMLNode?) -> String? { node?.scalar?.text }

  /// One text, or a list of them.
  func texts(_ node: YAMLNode?) -> [String] {
    guard let node else { return [] }
    return node.isSequence ? node.elements.compactMap { text($0) } : text(node).map { [$0] } ?? []
  }

  /// A path; what is not absolute is below the directory of the file in which it stands, `~/` below the home directory.
  mutating func path(_ node: YAMLNode?) -> String? {
    guard let node, let text = text(node) else { return nil }
    return resolved(text, node)
  }

  mutating func resolved(_ text: String, _ node: YAMLNode) -> String {
    if text == "~" || text.hasPrefix("~/") {
      guard let home else {
        wrong(node.position, "HOME is not set, so nobody knows what ~ is")
        return text
      }
      return home + text.dropFirst()
    }
    guard !text.hasPrefix("/") else { return text }
    return ConfigurationPath.absolute(text, besides: node.position.file)
  }

  mutating func url(_ node: YAMLNode?) -> String {
    guard let node, let text = text(node) else { return "" }
    if node.scalar?.written == nil, hasPassword(text) {
      warn(node, "a password stands in this URL in clear")
    }
    requireURL(node, text)
    return text
  }

  func hasPassword(_ text: String) -> Bool {
    guard let start = text.firstRange(of: "://")?.upperBound else { return false }
    let authority = text[start...].prefix { $0 != "/" }
    guard let at = authority.lastIndex(of: "@") else { return false }
    return authority[..<at].contains(":")
  }

  mutating func warnAboutSecret(_ node: YAMLNode, _ what: String) {
    guard let scalar = node.scalar, scalar.written == nil, !scalar.text.isEmpty else { return }
    warn(node, "the value of \(what) stands here in clear; put it into the environment: ${NAME}")
  }

  // MARK: Numbers and times

  mutating func interval(_ node: YAMLNode?) -> Double? {
    guard let node, let text = text(node) else { return nil }
    guard let interval = Interval(text) else {
      wrong(node.position, "'\(ByteText.printable(text))' is too long; a century is the most")
      return nil
    }
    return Double(interval.nanoseconds) / 1e9
  }

  mutating func seconds(_ node: YAMLNode?) -> Int64? {
    guard let node, let seconds = interval(node) else { return nil }
    guard seconds >= 1 else {
      wrong(node.position, "less than a second makes no sense here")
      return nil
    }
    return Int64(seconds)
  }

  mutating func bytes(_ node: YAMLNode?) -> Int64? {
    guard let node, let scalar = node.scalar else { return nil }
    if let number = node.integer { return number }
    guard let size = ByteSize(scalar.text), let bytes = Int64(exactly: size.bytes) else {
      wrong(node.position, "'\(ByteText.printable(scalar.text))' is too large")
      return nil
    }
    return bytes
  }

  mutating func rate(_ node: YAMLNode?) -> Int? {
    guard let node, let bytes = bytes(node) else { return nil }
    guard bytes > 0 else {
      wrong(node.position, "a rate of 0 moves nothing")
      return nil
    }
    return Int(clamping: bytes)
  }

  mutating func schedule(_ node: YAMLNode?) -> Schedule? {
    guard let node, let text = text(node) else { return nil }
    do {
      return try Schedule(text)
    } catch {
      wrong(node.position, (error as? VarveError)?.message ?? "\(error)")
      return nil
    }
  }

  mutating func subset(_ node: YAMLNode?) -> String? {
    guard let node, let text = text(node) else { return nil }
    guard DataSubset(text) != nil else {
      wrong(node.position, "'\(ByteText.printable(text))' is no part of anything")
      return nil
    }
    return text
  }

  // MARK: Commands

  mutating func command(_ node: YAMLNode, timeout: Double = 300) -> CommandSpecification {
    let run = node["run"] ?? node
    let form: CommandSpecification.Form =
      run.isSequence ? .arguments(texts(run)) : .shell(text(run) ?? "")
    if case .arguments(let words) = form, words.first?.isEmpty ?? true {
      wrong(run.position, "the program's name is empty")
    }
    var command = CommandSpecification(form)
    command.timeout = interval(node["timeout"]) ?? timeout
    if command.timeout <= 0, let timeout = node["timeout"] {
      wrong(timeout.position, "in no time nothing can be done")
    }
    for variable in node["environment"]?.entries ?? [] {
      if variable.key.contains("=") {
        wrong(variable.position, "the name of a variable has no '='")
      }
      if SecretNames.mayBe(variable.key) {
        warnAboutSecret(variable.value, "the variable \(ByteText.printable(variable.key))")
      }
      command.environment[variable.key] = variable.value.scalar?.text
    }
    command.workingDirectory = path(node["directory"])
    return command
  }

  /// One command, or a list.
  mutating func commands(_ node: YAMLNode?) -> [CommandSpecification] {
    guard let node else { return [] }
    guard node.isSequence else { return [command(node)] }
    return node.elements.map { command($0) }
  }

  // MARK: Retention

  mutating func retention(_ node: YAMLNode?) -> RetentionRules? {
    guard let node else { return nil }
    var rules = RetentionRules()
    if let text = text(node) {
      if text == "forever" {
        rules[.last] = .unlimited
      } else {
        rules[.within] = span(node) ?? .zero
      }
    } else {
      rules.tagLists = texts(node["tags"]).map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map {
          String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
      }
      for (key, rule) in Self.countRules { rules[rule] = count(node[key]) ?? .zero }
      for (key, rule) in Self.durationRules { rules[rule] = span(node[key]) ?? .zero }
    }
    if rules.isEmpty {
      wrong(node.position, "this keeps nothing; leave 'retention' out, or say what is kept")
    }
    return rules
  }

  static let countRules: [(String, RetentionRules.CountRule)] = [
    ("last", .last), ("hourly", .hourly), ("daily", .daily), ("weekly", .weekly),
    ("monthly", .monthly), ("yearly", .yearly),
  ]

  static let durationRules: [(String, RetentionRules.DurationRule)] = [
    ("within", .within), ("within-hourly", .withinHourly), ("within-daily", .withinDaily),
    ("within-weekly", .withinWeekly), ("within-monthly", .withinMonthly),
    ("within-yearly", .withinYearly),
  ]

  private func count(_ node: YAMLNode?) -> RetentionCount? {
    guard let node else { return nil }
    return node.integer.map { .limited($0) } ?? .unlimited
  }

  private mutating func span(_ node: YAMLNode?) -> RetentionDuration? {
    guard let node, let text = text(node) else { return nil }
    guard let span = RetentionDuration(text) else {
      wrong(node.position, "'\(ByteText.printable(text))' has a unit twice")
      return nil
    }
    return span
  }
}
