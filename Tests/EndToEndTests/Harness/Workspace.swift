import Foundation
import Glibc
import Testing

/// A directory of one test's own: home, XDG directories, a password, a repository path. Removed with the test.
final class Workspace {
  let root: String
  let password: String
  var environment: [String: String]
  /// What was started here; ended with the workspace.
  var servers: [Server] = []

  var repository: String { root + "/repository" }
  var source: String { root + "/source" }
  var target: String { root + "/target" }
  var passwordFile: String { root + "/password" }

  /// - Parameter directory: where to make it; nil for where temporary files go.
  init(in directory: String? = nil) throws {
    let base = directory ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/varve-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw SpawnFailure(description: "mkdtemp: \(errno)")
    }
    root = Tools.absolute(String(cString: made))
    var generator = SystemRandomNumberGenerator()
    password = "correct horse \(generator.next()) battery"
    environment = [
      "PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin", "HOME": root + "/home",
      "XDG_CACHE_HOME": root + "/cache", "XDG_STATE_HOME": root + "/state",
      "XDG_CONFIG_HOME": root + "/config", "LC_ALL": "C.UTF-8", "TZ": "UTC",
      "VARVE_REPOSITORY": root + "/repository", "VARVE_PASSWORD_FILE": root + "/password",
      // A password costs a third of a second each time, by design: half of what all these tests would take.
      "VARVE_PASSWORD_MEMORY": "16M",
    ]
    try FileManager.default.createDirectory(
      atPath: root + "/home", withIntermediateDirectories: true)
    try write(password + "\n", to: passwordFile)
  }

  deinit {
    servers = []
    _ = try? run([Tools.python, Tools.awkward, "--remove", root])
  }

  // MARK: Running

  /// Runs any program here.
  func run(_ command: [String], directory: String? = nil, input: [UInt8] = []) throws -> Outcome {
    try RunningProcess(
      command, environment: environment, directory: directory, input: input
    ).wait()
  }

  /// Runs varve, whatever comes of it.
  func varve(_ arguments: String..., directory: String? = nil, input: [UInt8] = []) throws
    -> Outcome
  {
    try run([Tools.varve] + arguments, directory: directory, input: input)
  }

  func varve(_ arguments: [String], directory: String? = nil, input: [UInt8] = []) throws -> Outcome
  {
    try run([Tools.varve] + arguments, directory: directory, input: input)
  }

  /// Starts varve and leaves it running.
  func start(_ arguments: String..., input: [UInt8]? = []) throws -> RunningProcess {
    try RunningProcess(
      [Tools.varve] + arguments, environment: environment, input: input)
  }

  var ownerKeyFile: String { root + "/owner.key" }

  /// Makes the repository, and a key file that unlocks it from now on, here and in what is configured: a password takes its
  /// time each time.
  func initializeWithKeyFile() throws {
    try succeed("init", "--new-key-file", ownerKeyFile)
    environment["VARVE_PASSWORD_FILE"] = nil
    environment["VARVE_KEY_FILE"] = ownerKeyFile
  }

  /// Runs varve and requires success.
  @discardableResult
  func succeed(
    _ arguments: String..., directory: String? = nil, input: [UInt8] = [],
    at location: SourceLocation = #_sourceLocation
  ) throws -> Outcome {
    let outcome = try varve(arguments, directory: directory, input: input)
    try #require(
      outcome.code == 0,
      "varve \(arguments.joined(separator: " ")): \(outcome.code)\n\(outcome.errors)",
      sourceLocation: location)
    return outcome
  }

  /// Runs varve and requires a certain failure whose message has all of `words`, and a hint.
  @discardableResult
  func fail(
    _ code: Int32, _ arguments: String..., saying words: [String] = [], input: [UInt8] = [],
    at location: SourceLocation = #_sourceLocation
  ) throws -> Outcome {
    let outcome = try varve(arguments, input: input)
    #expect(
      outcome.code == code,
      "varve \(arguments.joined(separator: " ")): \(outcome.code), signal \(outcome.signal ?? 0)\n\(outcome.errors)",
      sourceLocation: location)
    for word in words {
      #expect(
        outcome.errors.lowercased().contains(word.lowercased()),
        "no \"\(word)\" in: \(outcome.errors)",
        sourceLocation: location)
    }
    return outcome
  }

  // MARK: Files

  func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

  func write(_ bytes: [UInt8], to path: String) throws {
    try FileManager.default.createDirectory(
      atPath: Tools.parent(path), withIntermediateDirectories: true)
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { throw SpawnFailure(description: "\(path): \(errno)") }
    defer { close(file) }
    var position = 0
    while position < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + position, $0.count - position)
      }
      guard count > 0 else { throw SpawnFailure(description: "\(path): \(errno)") }
      position += count
    }
  }

  func read(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SpawnFailure(description: "cannot read \(path)")
    }
    return Array(data)
  }

  func remove(_ path: String) throws {
    let outcome = try run([Tools.python, Tools.awkward, "--remove", path])
    guard outcome.code == 0 else { throw SpawnFailure(description: outcome.errors) }
  }

  func copy(_ path: String, to other: String) throws {
    let outcome = try run(["cp", "-a", path, other])
    guard outcome.code == 0 else { throw SpawnFailure(description: outcome.errors) }
  }

  func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Objects of the repository, as names below it, ascending.
  func objects(_ prefix: String = "", repository: String? = nil) -> [String] {
    let base = repository ?? self.repository
    let names = FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
    return names.filter { name in
      var status = stat()
      return name.hasPrefix(prefix) && lstat(base + "/" + name, &status) == 0
        && status.st_mode & S_IFMT == S_IFREG
    }.sorted()
  }

  /// The path of the largest pack: of file content, after a backup of anything but names.
  func largestPack() throws -> String {
    let packs = try objects("packs/").map { "\(repository)/\($0)" }.map { ($0, try read($0).count) }
    return try #require(packs.max { ($0.1, $0.0) < ($1.1, $1.0) }).0
  }

  /// The path of the pack of file content that came last.
  func newestDataPack() throws -> String {
    let data = try objects("packs/").map { "\(repository)/\($0)" }.filter { try read($0)[10] == 1 }
    func time(_ path: String) -> (Int, Int) {
      var status = stat()
      lstat(path, &status)
      return (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }
    return try #require(data.max { time($0) < time($1) })
  }

  /// Bytes that the repository's files take.
  func storedBytes() -> Int {
    objects().reduce(0) { sum, name in
      var status = stat()
      lstat(repository + "/" + name, &status)
      return sum + Int(status.st_size)
    }
  }

  // MARK: Trees

  /// Makes the awkward tree at `source` and says what this machine refused.
  func makeAwkwardTree(_ options: String...) throws {
    let outcome = try run([Tools.python, Tools.awkward, source] + options)
    try #require(outcome.code == 0, "\(outcome.errors)")
    if !outcome.text.isEmpty { print(outcome.text, terminator: "") }
  }

  /// A small tree of a few kinds of file; `seed` decides the content.
  func makeSmallTree(seed: UInt64 = 1, files: Int = 12, largest: Int = 300_000) throws {
    var generator = SeededGenerator(seed: seed)
    for number in 0..<files {
      let size = number == 0 ? largest : Int.random(in: 0...20_000, using: &generator)
      try write(generator.bytes(size), to: source + "/dir\(number % 3)/file\(number)")
    }
    try write("hello\n", to: source + "/hello.txt")
    symlink("hello.txt", source + "/link")
  }

  /// Compares two trees with the independent walker.
  func expectEqual(
    _ first: String, _ second: String, _ options: String...,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try run([Tools.python, Tools.walker, "compare", first, second] + options)
    #expect(outcome.code == 0, "\(outcome.text)\(outcome.errors)", sourceLocation: location)
  }

  func differs(_ first: String, _ second: String, _ options: String...) throws -> Bool {
    try run([Tools.python, Tools.walker, "compare", first, second] + options).code != 0
  }
}
