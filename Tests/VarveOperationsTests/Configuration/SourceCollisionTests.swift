import Glibc
import Testing
import Varve
import VarveFormat
import VarveOperations
import VarveTestSupport

/// Sources that a repository would take for one.
@Suite struct SourceCollisionTests {
  private let directory = TemporaryDirectory()

  private func problems(_ profiles: String...) throws -> [ConfigurationProblem] {
    let text =
      """
      repositories: {main: /srv/backup, again: "local:/srv//backup/", other: /srv/other}
      profiles:

      """ + profiles.map { "  \($0)\n" }.joined()
    try FileBytes.write(Array(text.utf8), to: directory("varve.yaml"))
    chmod(directory("varve.yaml"), 0o600)
    return try ConfigurationFile.read(directory("varve.yaml")) { _ in nil }.problems
  }

  private static let yearly =
    "yearly: {repository: main, sources: [{path: /data/x, retention: {yearly: 10}}]}"

  @Test func twoProfilesOfOnePath() throws {
    let found = try problems(
      Self.yearly,
      "hourly: {repository: again, sources: [/etc, {path: /data/./y/../x/, name: z, retention: {last: 1}}]}"
    )
    #expect(found.map(\.position.line) == [4] && found.map(\.kind) == [.meaning], "\(found)")
    let message = try #require(found.first).message
    for words in [
      "'z' of profile 'hourly'", "'x' of profile 'yearly'", "varve.yaml:3:", " /data/x ",
      "'again'", "keep one of the two, with both retentions",
    ] {
      #expect(message.contains(words), "\(words): \(message)")
    }
  }

  /// One retention is enough: the log's policy is that of both.
  @Test(arguments: [
    "b: {repositories: [other, main], sources: [/data/x]}",
    "b: {repository: main, sources: [{sqlite: /data/x}]}",
    "b: {repository: main, retention: forever, sources: [/data/x]}",
  ])
  func oneRetention(_ profile: String) throws {
    #expect(try problems(Self.yearly, profile).count == 1)
    #expect(try problems(profile, Self.yearly).map(\.position.line) == [4])
  }

  @Test func commandsOfOneFileName() throws {
    let found = try problems(
      "one: {repository: main, sources: [{command: a, name: db}, {command: b, name: c, file-name: db}]}",
      "two: {repository: main, sources: [{command: c, name: db}]}",
      "three: {repository: other, sources: [{command: c, name: db}, {command: c, name: d}]}")
    #expect(found.map(\.position.line) == [3, 4], "\(found)")
    #expect(found.allSatisfy { $0.message.contains("'file-name'") && $0.message.contains("/db ") })
    #expect(found.last?.message.contains("'db' of profile 'two' and 'db' of profile 'one'") == true)
  }

  @Test func thisMachineIsAHostLikeOthers() throws {
    let name = String(decoding: MachineName.bytes(), as: UTF8.self)
    let host = "b: {repository: main, host: \"\(name)\", sources: [/data/x]}"
    #expect(try problems(Self.yearly, host).count == 1)
  }

  @Test func whatIsKeptApart() throws {
    let found = try problems(
      Self.yearly,
      "host: {repository: main, host: web2.example, sources: [{path: /data/x, retention: 1d}]}",
      "repository: {repository: other, sources: [{path: /data/x, retention: 1d}]}",
      "below: {repository: main, sources: [{path: /data/x/y, retention: 1d}]}",
      // No policy is theirs.
      "free: {repository: main, sources: [/data/free]}",
      "also: {repository: main, sources: [{sqlite: /data/free, name: free}]}")
    #expect(found.isEmpty, "\(found)")
  }

  @Test func itIsRefusedWhenItIsRead() throws {
    _ = try problems(Self.yearly, "b: {repository: main, sources: [/data/x]}")
    #expect(throws: VarveError(.usage, "")) {
      try ConfigurationFile.read(directory("varve.yaml")) { _ in nil }.checked()
    }
  }
}
