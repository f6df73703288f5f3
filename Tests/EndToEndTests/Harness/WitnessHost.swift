import Testing

/// A witness of Varve's that a test runs on loopback.
final class WitnessHost {
  let name: String
  let key: String
  let directory: String
  private let here: Workspace
  private(set) var server: Server

  init(_ here: Workspace, _ name: String, logs: [String]) throws {
    self.here = here
    self.name = name
    directory = here.root + "/witness-" + name
    let arguments = ["witness", "init", directory, "--name", "\(name).example/w"]
    let made = try here.varve(arguments + logs.flatMap { ["--log", $0] })
    try #require(made.code == 0, "\(made.errors)")
    key = try #require(made.lines.first.map(String.init))
    server = try Self.serve(here, directory)
  }

  private static func serve(_ here: Workspace, _ directory: String) throws -> Server {
    try Server(here, [Tools.varve, "witness", "serve", directory, "--listen", "127.0.0.1:0"])
  }

  /// Ends it and starts it again, at another port.
  func restart() throws {
    try stop()
    server = try Self.serve(here, directory)
  }

  func stop() throws {
    let outcome = try server.stop()
    try #require(outcome.code == 0, "\(outcome.code), \(outcome.signal ?? 0): \(outcome.errors)")
  }

  /// Its line of a policy.
  var line: String { "witness \(name) \(key) \(server.url)\n" }
}

extension Workspace {
  var policyFile: String { root + "/policy" }

  /// A policy of `threshold` of these witnesses.
  func writePolicy(_ threshold: Int, _ witnesses: [WitnessHost]) throws {
    let names = witnesses.map(\.name).joined(separator: " ")
    let lines = witnesses.map(\.line).joined()
    let text = "log \(try logKey())\n\(lines)group g \(threshold) \(names)\nquorum g\n"
    try write(text, to: policyFile)
  }

  @discardableResult
  func cosign(at location: SourceLocation = #_sourceLocation) throws -> Document {
    let outcome = try varve("witness", "cosign", "--json", "--witness-policy", policyFile)
    try #require(
      outcome.code == 0, "cosign: \(outcome.code)\n\(outcome.errors)", sourceLocation: location)
    return try outcome.message("cosigned", at: location)
  }
}
