import Foundation
import Glibc
import Testing
import VarveTestSupport

/// A repository far away, and how commands reach it.
struct OffsitePlace {
  let here: Workspace
  /// Behind every command.
  let arguments: [String]
  /// What has to live as long.
  let servers: [any AnyObject & Sendable]

  init(
    _ here: Workspace, _ location: String, _ arguments: [String],
    _ servers: [any AnyObject & Sendable]
  ) {
    self.here = here
    self.arguments = arguments
    self.servers = servers
    here.environment["VARVE_REPOSITORY"] = location
  }

  enum Kind: String, CaseIterable, CustomTestStringConvertible {
    case s3, sftp, server

    var testDescription: String { rawValue }
  }

  init(_ kind: Kind, _ here: Workspace) throws {
    switch kind {
    case .s3:
      let server = MemoryS3()
      self.init(here, s3: server.port, [server])
    case .sftp:
      let server = try SSHServer()
      let options = server.arguments().joined(separator: " ")
      self.init(
        here, "sftp://\(server.user)@127.0.0.1:\(server.port)/\(here.root)/repository",
        ["--option", "sftp.args=\(options)"], [server])
    case .server:
      let directory = here.root + "/served"
      let added = try here.succeed(
        "server-token", "add", "--label", "test", "--kind", "full", directory, "web")
      try here.write(added.text, to: here.root + "/token")
      let server = try Server(
        here,
        [Tools.varve, "serve", "--insecure-http", "--listen", "127.0.0.1:0", directory])
      self.init(
        here, "varve+\(server.url)/web", ["--server-token-file", here.root + "/token"], [])
    }
  }

  /// A bucket behind a port of loopback.
  init(_ here: Workspace, s3 port: UInt16, _ servers: [any AnyObject & Sendable]) {
    here.environment["AWS_ACCESS_KEY_ID"] = "varve"
    here.environment["AWS_SECRET_ACCESS_KEY"] = "secret"
    here.environment["AWS_EC2_METADATA_DISABLED"] = "true"
    self.init(here, "s3:http://127.0.0.1:\(port)/\(MemoryS3.bucket)/backups", [], servers)
  }

  func varve(_ command: String...) throws -> Outcome { try here.varve(command + arguments) }

  @discardableResult
  func succeed(
    _ command: String..., at location: SourceLocation = #_sourceLocation
  ) throws -> Outcome {
    let outcome = try here.varve(command + arguments)
    try #require(
      outcome.code == 0,
      "varve \(command.joined(separator: " ")): \(outcome.code)\n\(outcome.errors)",
      sourceLocation: location)
    return outcome
  }

  /// Requires that the newest snapshot is the source as it is now.
  func expectRestores(
    _ options: String..., at location: SourceLocation = #_sourceLocation
  ) throws {
    if here.exists(here.target) { try here.remove(here.target) }
    let outcome = try here.varve(
      ["restore", "latest:\(here.source)", "--target", here.target] + options + arguments)
    try #require(outcome.code == 0, "\(outcome.errors)", sourceLocation: location)
    try here.expectEqual(here.source, here.target, "--skip-root", at: location)
  }
}
