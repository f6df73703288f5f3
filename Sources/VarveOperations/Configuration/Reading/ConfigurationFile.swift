import VarveFormat

/// An operator's file as it was read: what it says, what is wrong with it, and what is worth a warning.
package struct ConfigurationFile {
  /// Worth something only when there are no problems.
  package let configuration: Configuration
  /// In the order of files and lines.
  package let problems: [ConfigurationProblem]
  package let warnings: [String]
  /// The file itself, then those that it includes.
  package let files: [String]
  /// Values that the environment took part in, as they are written; by what they became. For who shows values.
  package let written: [String: String]
  /// Variables of the environment that values ask for, set or not.
  package let variables: Set<String>

  /// Reads a file and those that it includes.
  ///
  /// - Parameter variable: the environment.
  /// - Throws: `.io` or `.usage` when the file itself cannot be read; what is wrong in it is in `problems`.
  package static func read(
    _ path: String, variable: @escaping (String) -> String?
  ) throws -> ConfigurationFile {
    let bytes = try SmallFile.bytes(at: path)
    var reading = ConfigurationReading(variable)
    reading.read(path, bytes)
    return reading.file()
  }

  /// The configuration, when nothing is wrong with it.
  ///
  /// - Throws: `.usage` with the first problem.
  package func checked() throws -> Configuration {
    guard let first = problems.first else { return configuration }
    let more = problems.count > 1 ? " (and \(problems.count - 1) more)" : ""
    throw VarveError(
      .usage, "\(first)\(more)", hint: "'varve config check' shows all that is wrong")
  }
}

/// The way from a file to a configuration.
private struct ConfigurationReading {
  private static let fileLimit = 256
  private static let byteLimit = 1 << 20

  private final class AskedVariables { var names: Set<String> = [] }

  private let substitution: Substitution
  private let asked: AskedVariables
  private var builder: ConfigurationBuilder
  private var problems: [ConfigurationProblem] = []
  private var warnings: [String] = []
  private var files: [String] = []
  private var roots: [YAMLNode] = []
  /// Canonical names.
  private var seen: Set<String> = []
  private var stack: [String] = []

  init(_ variable: @escaping (String) -> String?) {
    let asked = AskedVariables()
    self.asked = asked
    substitution = Substitution {
      asked.names.insert($0)
      return variable($0)
    }
    builder = ConfigurationBuilder(home: variable("HOME").flatMap { $0.isEmpty ? nil : $0 })
  }

  mutating func read(_ path: String, _ bytes: [UInt8]) {
    let name = ConfigurationPath.canonical(path) ?? path
    seen.insert(name)
    stack.append(name)
    defer { stack.removeLast() }
    files.append(path)
    warnAboutPermissions(path)
    guard bytes.count <= Self.byteLimit else {
      problems.append(
        ConfigurationProblem(
          SourcePosition(file: path, line: 1, column: 1), .form,
          "the file has more than \(Self.byteLimit >> 20) MiB"))
      return
    }
    let (root, found) = YAMLReader.read(bytes, file: path, substitution: substitution)
    problems += found
    guard let root else { return }
    var check = GrammarCheck()
    check.check(root, .object(ConfigurationGrammar.file))
    problems += check.problems
    roots.append(root)
    guard let include = root["include"] else { return }
    for node in include.isSequence ? include.elements : [include] {
      if let pattern = node.scalar?.text, !pattern.isEmpty { self.include(pattern, node) }
    }
  }

  private mutating func include(_ pattern: String, _ node: YAMLNode) {
    func problem(_ message: String) {
      problems.append(ConfigurationProblem(node.position, .meaning, message))
    }
    let path = builder.resolved(pattern, node)
    guard let matches = ConfigurationPath.matches(path) else {
      return problem("there is no file \(ByteText.printable(path))")
    }
    for file in matches {
      let name = ConfigurationPath.canonical(file) ?? file
      let shown = ByteText.printable(RawArgument.bytes(file))
      if stack.contains(name) {
        // A pattern that matches the file in which it stands is no mistake.
        if name != stack.last || matches.count == 1 {
          problem("\(shown) includes itself, directly or through others")
        }
        continue
      }
      if seen.contains(name) {
        problem("\(shown) is included a second time")
        continue
      }
      guard files.count < Self.fileLimit else {
        return problem("more than \(Self.fileLimit) files are included")
      }
      do {
        read(file, try SmallFile.bytes(at: file))
      } catch {
        problem((error as? VarveError)?.message ?? "\(error)")
      }
    }
  }

  private mutating func warnAboutPermissions(_ path: String) {
    guard let permissions = ConfigurationPath.permissions(path) else { return }
    let name = ByteText.printable(RawArgument.bytes(path))
    if permissions.othersMayWrite {
      warnings.append("\(name): others may write this file, and so choose what is run; chmod go-w")
    }
    if permissions.isForeign {
      warnings.append("\(name): this file belongs to another user, who may choose what is run")
    }
  }

  /// What came of it. Meanings are looked at when all forms are right, since half of a file means little.
  mutating func file() -> ConfigurationFile {
    if !problems.contains(where: { $0.kind == .form }) {
      for root in roots { builder.add(root) }
      builder.finish(roots)
    }
    let order = Dictionary(
      files.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    func rank(_ problem: ConfigurationProblem) -> (Int, Int, Int) {
      let place = problem.position
      return (order[place.file] ?? 0, place.line, place.column)
    }
    return ConfigurationFile(
      configuration: builder.configuration,
      problems: (problems + builder.problems).sorted { rank($0) < rank($1) },
      warnings: warnings + builder.warnings, files: files, written: builder.written,
      variables: asked.names)
  }
}
