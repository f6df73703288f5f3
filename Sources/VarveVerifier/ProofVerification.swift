internal import VarveCrypto
internal import VarveFormat
package import VarveProof

/// Verifies a proof in a file, without a repository: what `varve proof verify` and `varve-verify` do.
///
/// A file proof is told from a log entry, a DSSE envelope, and from a drill's proof by its members; the proof that an entry is in
/// the log is in a file of its own, by default beside it with `.tlog-proof` behind its name, and names the author's key. A drill's
/// proof, `proof.json`, has record, receipt, log proof and author's key in it.
package struct ProofVerification {
  /// The file proof, the entry or the drill's proof.
  package var proof: [UInt8]
  /// The tlog-proof of an entry.
  package var logProof: [UInt8]?
  /// The log's verifier key as text, or a file that has it.
  package var key: String
  /// A file that is to be one of those of which the proof is, or one whose digest a receipt has.
  package var file: [UInt8]?

  package init(proof: [UInt8], logProof: [UInt8]?, key: String, file: [UInt8]?) {
    self.proof = proof
    self.logProof = logProof
    self.key = key
    self.file = file
  }

  /// - Throws: `.unproved`, naming the first link that does not hold; `.usage`; `.notFound` and `.io` for the files.
  package func run() throws -> ProofReport {
    let key = try Self.verifierKey(self.key)
    let bytes = try InputFile.read(proof, limit: FileProof.largestByteCount)
    let name = InputFile.name(proof)
    let json = try Self.unproved(name) {
      try JSONValue(canonical: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes, name)
    }
    let (isEntry, isDrill) = try Self.unproved(name) {
      (try json.optional("payloadType") != nil, try json.optional("record") != nil)
    }
    if isDrill { return try verify(drill: json, name, key) }
    return isEntry ? try verify(entry: bytes, key) : try verify(files: bytes, name, key)
  }

  private func verify(files bytes: [UInt8], _ name: String, _ key: VerifierKey) throws
    -> ProofReport
  {
    guard logProof == nil else {
      throw VarveError(.usage, "\(name) is a file proof, which has its log proof in it")
    }
    let proved = try Self.unproved(name) { try FileProof(bytes, name) }.verify(by: key)
    guard let file else { return ProofReport(proved, file: nil) }
    let found = try InputFile.digest(file)
    let match = proved.files.firstIndex { $0.size == found.size && $0.digest == found.digest }
    guard let match else {
      throw VarveError(
        .unproved,
        "\(InputFile.name(file)), \(found.size) bytes, SHA-256 \(found.digest), is not a file of the proof"
      )
    }
    return ProofReport(proved, file: (InputFile.name(file), match))
  }

  private func verify(entry bytes: [UInt8], _ key: VerifierKey) throws -> ProofReport {
    let path = logProof ?? proof + Array(".tlog-proof".utf8)
    let name = InputFile.name(path)
    let text = try InputFile.read(path, limit: LogProof.largestByteCount)
    let logProof = try Self.unproved(name) { try LogProof(text, name) }
    let entry = try ProvedEntry(bytes, logProof, key: key)
    guard let authorKey = logProof.extra else {
      throw VarveError(
        .unproved,
        "the log proof has no key of the author: whoever has the log's key, as every writer, may have made this entry",
        hint: "have the log proof made anew ('varve log prove'); older programs left the key out")
    }
    try entry.requireSigned(by: authorKey)
    let named = try file.map { (InputFile.name($0), try Self.member(of: entry, $0)) }
    return ProofReport(entry, file: named)
  }

  /// What a drill's proof has, each of it and nothing else.
  private static let drillMembers: Set<String> = [
    "authorKey", "index", "logKey", "logProof", "receipt", "record",
  ]

  /// The record counts by its digest, which the receipt has; the receipt by its author's signature.
  private func verify(drill json: JSONValue, _ name: String, _ key: VerifierKey) throws
    -> ProofReport
  {
    guard logProof == nil else {
      throw VarveError(.usage, "\(name) is the proof of a drill, which has its log proof in it")
    }
    let (record, receipt, proof, authorKey) = try Self.unproved(name) {
      try json.requireOnly(Self.drillMembers)
      return (
        try json.member("record").canonicalBytes(), try json.member("receipt").canonicalBytes(),
        try LogProof(Array(try json.string("logProof").utf8), name),
        try json.base64("authorKey", byteCount: 32)
      )
    }
    let entry = try ProvedEntry(receipt, proof, key: key)
    try entry.requireSigned(by: authorKey)
    try Self.unproved(name) {
      guard try json.string("logKey").utf8.elementsEqual(key.text.utf8),
        try json.count("index") == proof.index, proof.extra.map({ $0 == authorKey }) ?? true
      else { throw VarveError(.damaged, "it names another key or entry than it is proved with") }
    }
    guard case .receipt(let body) = entry.statement.body, body.activity == .drill else {
      throw VarveError(.unproved, "entry \(proof.index) is not the receipt of a drill")
    }
    guard body.digests["document"] == SHA256.digest(record) else {
      throw VarveError(.unproved, "the record in \(name) is not what its receipt is of")
    }
    let named =
      try file.map { (InputFile.name($0), try Self.member(of: entry, $0)) }
      ?? ("the record", "document")
    return ProofReport(entry, file: named)
  }

  /// Under which name a receipt has the SHA-256 of a file: of a drill, `document` or `sample`.
  private static func member(of entry: ProvedEntry, _ file: [UInt8]) throws -> String {
    guard case .receipt(let receipt) = entry.statement.body else {
      throw VarveError(
        .usage,
        "the proof is of a \(entry.statement.body.kind) entry, which says nothing of single files")
    }
    let found = try InputFile.digest(file)
    let matches = receipt.digests.filter { $0.value == found.digest }
    guard let name = matches.keys.min() else {
      throw VarveError(
        .unproved,
        "\(InputFile.name(file)), \(found.size) bytes, SHA-256 \(found.digest), is not what the receipt is of"
      )
    }
    return name
  }

  /// The key that `text` is, or that stands in the first line of the file which it names.
  ///
  /// - Throws: `.usage`.
  package static func verifierKey(_ text: String) throws -> VerifierKey {
    if let key = try? VerifierKey(text: text) { return key }
    if let bytes = try? InputFile.read(Array(text.utf8), limit: 4_096),
      let line = bytes.split(separator: UInt8(ascii: "\n")).first,
      let key = try? VerifierKey(text: String(decoding: line, as: UTF8.self))
    {
      return key
    }
    throw VarveError(
      .usage,
      "'\(ByteText.printable(text))' is neither a verifier key nor a file that begins with one",
      hint: "it is `logKey` in the repository's `config`, such as varve/2021…+044feb1b+AUas…")
  }

  /// Whatever is wrong with the text of a proof, it proves nothing.
  private static func unproved<Result>(_ what: String, _ body: () throws -> Result) throws -> Result
  {
    do {
      return try body()
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.unproved, "\(what) is no proof", cause: error)
    }
  }
}
