import Foundation
import Testing

/// An operator's section of docs/runbooks.md, whose lines a test runs as they stand.
///
///     ## E. The operator … **A step.** … ```sh … ``` … ### A part … **A step.** …
struct RunbookSection {
  private let text: String

  init(_ letter: String) throws {
    let all = try String(contentsOfFile: Tools.sources + "/docs/runbooks.md", encoding: .utf8)
    text = try Self.piece(of: all, after: "\n## \(letter). ", before: "\n## ")
  }

  /// The first block of that language, in that part, after that step's words.
  func block(_ language: String, step: String? = nil, part: String? = nil) throws -> String {
    var piece = Substring(
      try part.map { try Self.piece(of: text, after: "\n### \($0)\n", before: "\n### ") } ?? text)
    if let step {
      let start = try #require(piece.range(of: "\n**\(step).**"), "no step \(step)")
      piece = piece[start.upperBound...]
    }
    return try Self.piece(of: String(piece), after: "\n```\(language)\n", before: "\n```\n")
  }

  private static func piece(of text: String, after start: String, before end: String) throws
    -> String
  {
    let begin = try #require(text.range(of: start), "no \(start)").upperBound
    let rest = text[begin...]
    return String(rest[..<(rest.range(of: end)?.lowerBound ?? rest.endIndex)])
  }
}

/// What an operator's shell showed of some lines.
struct Transcript {
  var text: String
  /// Of the commands that did not end with 0.
  var codes: [Int32]

  func expect(
    _ codes: [Int32] = [], _ words: String..., at location: SourceLocation = #_sourceLocation
  ) {
    #expect(self.codes == codes, "\(text)", sourceLocation: location)
    for word in words {
      #expect(text.contains(word), "no \"\(word)\" in: \(text)", sourceLocation: location)
    }
  }
}

/// An operator's shell in a directory of the system's, where `/srv` and `/etc` are the test's own.
final class OperatorShell {
  let here: Workspace
  let directory: String
  private let section: RunbookSection
  private let places: [(String, String)]
  private let prelude: String
  private let show: Bool

  /// - Parameters:
  ///   - directory: below the workspace, where the operator stands.
  ///   - places: what else is elsewhere in the test.
  init(
    _ here: Workspace, _ section: RunbookSection, directory: String,
    places: [(String, String)] = [], show: Bool = true
  ) throws {
    self.here = here
    self.section = section
    self.directory = here.root + directory
    self.places = places + [("/srv/", here.root + "/srv/"), ("/etc/", here.root + "/etc/")]
    self.show = show
    prelude = Self.moved(try section.block("sh"), self.places)
    for (name, program) in [
      ("varve", Tools.varve), ("varve-verify", Tools.product("varve-verify")),
      ("systemctl", Tools.sources + "/fixtures/scenarios/systemctl"),
      ("answer", Tools.sources + "/fixtures/scenarios/answer.py"),
      ("python3", try here.run(["which", Tools.python]).lines.first.map(String.init) ?? ""),
    ] where !here.exists(here.root + "/bin/" + name) {
      try FileManager.default.createDirectory(
        atPath: here.root + "/bin", withIntermediateDirectories: true)
      symlink(program, here.root + "/bin/" + name)
    }
    here.environment["PATH"] =
      here.root + "/bin:"
      + (here.environment["PATH"] ?? "").replacingOccurrences(of: here.root + "/bin:", with: "")
    here.environment["SYSTEMCTL_DIRECTORY"] = here.root + "/units"
    here.environment["TMPDIR"] = here.root + "/temporary"
    for name in ["/temporary", "/srv/safe", "/etc/varve", "/etc/systemd/system"] {
      try FileManager.default.createDirectory(
        atPath: here.root + name, withIntermediateDirectories: true)
    }
  }

  private static func moved(_ text: String, _ places: [(String, String)]) -> String {
    places.reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
  }

  /// The configuration of the runbook.
  func configuration() throws -> String { Self.moved(try section.block("yaml"), places) }

  /// Runs the lines of a step and prints what the operator sees; adds it to the file `record`, as `script` does.
  @discardableResult
  func follow(
    _ step: String, part: String? = nil, record: String? = nil, clock: String? = nil
  ) throws -> Transcript {
    try run(
      try section.block("sh", step: step, part: part),
      title: (part.map { $0 + ": " } ?? "") + step, record: record, clock: clock)
  }

  /// The same with other lines.
  @discardableResult
  func run(
    _ lines: String, title: String? = nil, record: String? = nil, clock: String? = nil
  ) throws -> Transcript {
    let lines = Self.moved(lines, places)
    let trap = "trap 'echo \"(exit code $?)\"' ERR"
    let script = here.root + "/script-\(UInt32.random(in: 0...UInt32.max))"
    // What precedes "set -v" is not shown.
    try here.write("exec 2>&1\n\(prelude)\n\(trap)\nset -v\n\(lines)\n", to: script)
    let outcome = try here.run(
      Tools.clock(clock) + ["bash", script],
      directory: here.exists(directory) ? directory : here.root)
    let known = Set(lines.split(separator: "\n"))
    var text = ""
    var codes: [Int32] = []
    for line in outcome.lines where !line.hasPrefix("echo \"(exit code") {
      text += (known.contains(line) ? "$ " : "") + line + "\n"
      if line.hasPrefix("(exit code "), let code = Int32(line.dropFirst(11).dropLast()) {
        codes.append(code)
      }
    }
    if show { print((title.map { "\n# \($0)\n" } ?? "") + text, terminator: "") }
    if let record, here.exists(Tools.parent(record)) {
      let before = here.exists(record) ? try here.read(record) : []
      try here.write(before + Array(text.utf8), to: record)
    }
    return Transcript(text: text, codes: codes)
  }
}

/// So many ports of loopback that nobody listens at. They are below those that the system gives to who asks for any, so that no
/// other test's server has taken them by the time that they are used.
func freePorts(_ count: Int) throws -> [UInt16] {
  var (descriptors, ports): ([Int32], [UInt16]) = ([], [])
  defer { for descriptor in descriptors { close(descriptor) } }
  for _ in 0..<1_000 where ports.count < count {
    let port = UInt16.random(in: 20_000..<32_000)
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    descriptors.append(descriptor)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if result == 0 { ports.append(port) }
  }
  guard ports.count == count else { throw SpawnFailure(description: "no free port: \(errno)") }
  return ports
}
