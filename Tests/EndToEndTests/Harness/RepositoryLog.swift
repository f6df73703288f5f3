import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveProof

/// What a repository's log says to everybody.
extension Workspace {
  /// The log's verifier key, which `config` says to everybody.
  func logKey() throws -> String {
    let config = String(decoding: try read(repository + "/config"), as: UTF8.self)
    let key = try Document(parsing: try #require(config.split(separator: "\n").first))["logKey"]
    return try #require(key.string)
  }

  /// The entries of the log, oldest first.
  func logEntries() throws -> [Document] {
    let outcome = try varve("log", "show", "--json")
    try #require(outcome.code == 0, "log show: \(outcome.code)\n\(outcome.errors)")
    return try outcome.documents()
  }

  /// Receipts in the log, oldest first.
  func receipts(_ activity: String) throws -> [Document] {
    let outcome = try varve("receipt", "list", "--json")
    try #require(outcome.code == 0, "\(outcome.errors)")
    return try outcome.documents().filter { $0["activity"].string == activity }
  }

  /// That securesystemslib takes the receipt in a file for a signature by one of the log's authors.
  func expectAuthentic(
    _ receipt: String, at location: SourceLocation = #_sourceLocation
  ) throws {
    try #require(access(Tools.judges, X_OK) == 0, "scripts/install-requirements --judges")
    let envelope = try text(of: receipt)
    let config = try #require(try succeed("cat", "config").text.split(separator: "\n").first)
    var keys = [try Document(parsing: config)["authorKey"]]
    for entry in try logEntries() {
      keys += entry["predicate"]["add"].list.map { $0["authorKey"] }
    }
    let author = try Document(parsing: envelope)["signatures"][0]["keyid"].string
    let key = try #require(
      keys.compactMap { $0.string.flatMap { Base64.decode($0) } }
        .first { KeyID(publicKey: $0).text == author }, sourceLocation: location)
    let line = "{\"envelope\":\(envelope),\"key\":\"\(Hex.encode(key))\"}\n"
    try write(line, to: root + "/envelopes")
    let judged = try run([Tools.judges, Tools.conformance + "/dsse.py", root + "/envelopes"])
    #expect(
      judged.code == 0 && judged.text == "1\n", "\(judged.errors)", sourceLocation: location)
  }
}
