import Foundation
import Testing

/// An operator with a section of docs/runbooks.md before him: lines of it are typed as they stand, with the system's top
/// directories below the test's own, and what he sees is printed.
final class RunbookSession {
  let here: Workspace
  private let section: String
  private var untyped: Set<String>

  private static let tops = ["/srv", "/etc/varve", "/run/varve", "/mnt", "/media"]

  /// - Parameter heading: of the section, such as `A.`.
  init(_ heading: String) throws {
    let here = try Workspace()
    self.here = here
    let text = String(
      decoding: try here.read(Tools.sources + "/docs/runbooks.md"), as: UTF8.self)
    let start = try #require(text.firstRange(of: "\n## \(heading) ")?.upperBound)
    let end = text[start...].firstRange(of: "\n## ")?.lowerBound ?? text.endIndex
    section = String(text[start..<end])
    untyped = Set(
      Self.blocks("sh", of: section).flatMap { $0.split(separator: "\n") }.map(Self.command))
    for name in ["VARVE_REPOSITORY", "VARVE_PASSWORD_FILE"] { here.environment[name] = nil }
    here.environment["VARVE_CONFIG"] = path("/etc/varve/varve.yaml")
    here.environment["TMPDIR"] = here.root + "/tmp"
    here.environment["PATH"] = here.root + "/bin:" + (here.environment["PATH"] ?? "")
    for directory in ["/bin", "/tmp"] + Self.tops {
      try FileManager.default.createDirectory(
        atPath: here.root + directory, withIntermediateDirectories: true)
    }
    try install("varve", Tools.varve)
    try install("python3", Tools.python)
  }

  /// Puts a program into the operator's PATH.
  func install(_ name: String, _ program: String) throws {
    try FileManager.default.createSymbolicLink(
      atPath: "\(here.root)/bin/\(name)", withDestinationPath: program)
  }

  /// Writes the section's configuration to its place.
  func configure() throws {
    let yaml = try #require(Self.blocks("yaml", of: section).first)
    try here.write(path(yaml) + "\n", to: path("/etc/varve/varve.yaml"))
  }

  private static func blocks(_ language: String, of text: String) -> [String] {
    text.components(separatedBy: "\n```\(language)\n").dropFirst().map {
      $0.components(separatedBy: "\n```").first ?? ""
    }
  }

  /// A line without the remark at its end.
  private static func command(_ line: Substring) -> String {
    let end = line.firstRange(of: "  #")?.lowerBound ?? line.endIndex
    return line[..<end].trimmingCharacters(in: .whitespaces)
  }

  /// Where something lies here.
  func path(_ text: String) -> String {
    Self.tops.reduce(text) { $0.replacing($1, with: here.root + $1) }
  }

  private func shown(_ text: String) -> String { text.replacing(here.root, with: "") }

  func step(_ title: String) { print("\n# \(title)") }

  /// Runs a line of the section.
  ///
  /// - Parameters:
  ///   - values: what is typed in place of words in capitals.
  ///   - clock: how far the clock is off, such as `-40d`.
  ///   - code: the exit code that is right.
  ///   - words: what must be seen.
  @discardableResult
  func type(
    _ line: String, _ values: [String: String] = [:], clock: String? = nil, exit code: Int32 = 0,
    showing words: String..., at location: SourceLocation = #_sourceLocation
  ) throws -> Outcome {
    try #require(
      Self.blocks("sh", of: section).contains {
        $0.split(separator: "\n").map(Self.command).contains(line)
      },
      "the runbook does not say: \(line)", sourceLocation: location)
    untyped.remove(line)
    let typed = values.reduce(line) { $0.replacing($1.key, with: $1.value) }
    print("\(clock.map { "(\($0)) " } ?? "")$ \(shown(typed))")
    guard !line.hasPrefix("export ") else {
      for word in path(typed).split(separator: " ").dropFirst() {
        let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
        here.environment[parts[0]] = parts[1]
      }
      return try here.run(["true"])
    }
    let outcome = try here.run(
      Tools.clock(clock) + ["bash", "-c", path(typed)])
    let seen = shown(outcome.text + outcome.errors)
    let lines = seen.split(separator: "\n")
    for line in lines.prefix(12) { print("  \(line.prefix(200))") }
    if lines.count > 24 { print("  …") }
    for line in lines.dropFirst(12).suffix(12) { print("  \(line.prefix(200))") }
    try #require(
      outcome.code == code, "\(typed): \(outcome.code), not \(code)\n\(seen)",
      sourceLocation: location)
    for word in words {
      #expect(
        seen.contains(word), "no \"\(word)\" after \(typed):\n\(seen)", sourceLocation: location)
    }
    return outcome
  }

  /// What the system itself does, or what befalls it.
  @discardableResult
  func shell(_ line: String, clock: String? = nil, at location: SourceLocation = #_sourceLocation)
    throws -> String
  {
    let outcome = try here.run(
      Tools.clock(clock) + ["bash", "-c", "set -e; " + path(line)])
    try #require(outcome.code == 0, "\(line): \(outcome.errors)", sourceLocation: location)
    return outcome.text
  }

  /// Waits for a condition.
  func wait(
    _ what: String, at location: SourceLocation = #_sourceLocation, until holds: () throws -> Bool
  ) throws {
    let start = monotonicSeconds()
    while try !holds() {
      try #require(monotonicSeconds() - start < 60, "still not: \(what)", sourceLocation: location)
      usleep(2_000)
    }
  }

  /// No line of the section that was not typed.
  func finish(at location: SourceLocation = #_sourceLocation) {
    #expect(untyped.isEmpty, "not typed: \(untyped.sorted())", sourceLocation: location)
  }

  /// What the timer finds due, such as `profile risk`.
  func due(clock: String) throws -> [String] {
    try shell("varve schedule show", clock: clock).split(separator: "\n").filter {
      $0.contains("  now")
    }.map { $0.components(separatedBy: "  ")[0] }
  }

  /// Snapshots of a path, oldest first.
  func snapshots(of place: String, _ options: String...) throws -> [Document] {
    let outcome = try here.varve(["snapshots", "--json", "--path", path(place)] + options)
    try #require(outcome.code == 0, "\(outcome.errors)")
    return try outcome.document().list
  }
}
