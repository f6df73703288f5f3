// What a drill leaves for people, and for whoever is to believe it. A set of files:
//
//     drill.json                the record, whose SHA-256 the receipt has as `document`
//     receipt.json              the receipt as it was signed: a DSSE envelope with an in-toto statement
//     receipt.json.tlog-proof   the C2SP tlog-proof that it is in the log
//     proof.json                the three in one: `record`, `receipt`, `logProof`, and `index`, `authorKey`, `logKey`
//     proof.md, proof.html      the same for reading
//
// Without a receipt there are the record and what can be read.

package import VarveFormat
import VarveProof
import VarveRepository

/// The documents of one drill.
public struct DrillDocument: Sendable {
  public let record: DrillRecord
  /// The index of the receipt in the log, and its bytes.
  package let receipt: (index: UInt64, bytes: [UInt8])?
  package let logProof: [UInt8]?

  package init(
    record: DrillRecord, receipt: (index: UInt64, bytes: [UInt8])?, logProof: [UInt8]?
  ) {
    self.record = record
    self.receipt = receipt
    self.logProof = logProof
  }

  public init(_ outcome: DrillRun.Outcome) {
    self.init(
      record: outcome.record, receipt: outcome.entry.map { ($0.index, $0.bytes) },
      logProof: outcome.proof?.bytes)
  }

  public struct File: Sendable {
    public let name: String
    public let bytes: [UInt8]
  }

  public static let recordName = "drill.json"
  package static let receiptName = "receipt.json"
  package static let logProofName = "receipt.json.tlog-proof"

  public var files: [File] {
    var files = [File(name: Self.recordName, bytes: record.document)]
    if let receipt { files.append(File(name: Self.receiptName, bytes: receipt.bytes)) }
    if let logProof { files.append(File(name: Self.logProofName, bytes: logProof)) }
    files.append(File(name: "proof.json", bytes: Array((json.canonicalText + "\n").utf8)))
    files.append(File(name: "proof.md", bytes: Array(markdown.utf8)))
    files.append(File(name: "proof.html", bytes: Array(DrillPage(self).text.utf8)))
    return files
  }

  public var markdown: String { DrillText(self).markdown }

  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "logKey": .string(record.logKey), "record": record.json,
    ]
    if let receipt {
      members["index"] = .integer(Int64(clamping: receipt.index))
      members["receipt"] = try? JSONValue(canonical: receipt.bytes, "receipt")
    }
    if let logProof {
      members["logProof"] = .string(String(decoding: logProof, as: UTF8.self))
      let authorKey = try? LogProof(logProof, Self.logProofName).extra
      members["authorKey"] = authorKey.map { .string(Base64.encode($0)) }
    }
    return .object(members)
  }

  /// What somebody does who wants to believe it.
  var verification: String {
    """
    varve-verify \(Self.receiptName) --key '\(ByteText.printable(record.logKey))' --file \(Self.recordName)
    """
  }
}

/// What a drill measured, against what it was to reach.
struct DrillMeasure {
  let name: String
  let value: String
  let target: String
  /// Nil without a target.
  let isMet: Bool?

  static func all(_ record: DrillRecord) -> [DrillMeasure] {
    let point = record.recoveryPoint
    return [
      DrillMeasure(
        name: "Recovery time (RTO)",
        value: "\(HumanText.fixed(Double(record.milliseconds) / 1000, 3)) s",
        target: record.recoveryTimeTarget.map { HumanText.span($0) } ?? "none",
        isMet: record.recoveryTimeTarget.map {
          Double(record.milliseconds) <= Double($0) * 1000
        }),
      DrillMeasure(
        name: "Recovery point (RPO)", value: point.map { HumanText.span($0) } ?? "no snapshot",
        target: record.recoveryPointTarget.map { HumanText.span($0) } ?? "none",
        isMet: record.recoveryPointTarget.map { target in point.map { $0 <= target } ?? false }),
    ]
  }

  var verdict: String {
    switch isMet {
    case true?: "met"
    case false?: "missed"
    case nil: "—"
    }
  }
}
