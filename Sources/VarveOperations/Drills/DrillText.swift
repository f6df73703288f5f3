import VarveFormat

/// A drill's document in Markdown. What was printed or named by others stands in fences and code, and is never markup.
struct DrillText {
  private let document: DrillDocument
  private var record: DrillRecord { document.record }

  init(_ document: DrillDocument) { self.document = document }

  var markdown: String {
    var out: [String] = []
    out.append("# Restore drill \(inline(record.profile)) / \(inline(record.drill)): \(verdict)")
    if let summary = record.summary { out.append("**Failed:** \(inline(summary))") }
    out.append(facts)
    out.append("## Targets")
    out.append(
      table(
        ["", "measured", "target", ""],
        DrillMeasure.all(record).map { [$0.name, $0.value, $0.target, $0.verdict] }))
    out.append("## Steps")
    out.append(
      table(
        ["#", "step", "of", "result", "time", "found"],
        record.steps.enumerated().map { index, step in
          [
            "\(index + 1)", step.kind.rawValue, code(step.subject), word(step.result),
            "\(step.milliseconds) ms", inline(step.finding),
          ]
        }))
    for (index, step) in record.steps.enumerated() where !step.output.isEmpty {
      out.append("### Output of step \(index + 1), \(step.kind.rawValue) \(code(step.subject))")
      out.append(fenced(step.output))
    }
    if !record.warnings.isEmpty {
      out.append("## Warnings")
      out.append(record.warnings.map { "- \(inline($0))" }.joined(separator: "\n"))
    }
    for note in record.notes {
      out.append("## \(inline(note.name))")
      out.append(fenced(note.text))
    }
    out.append("## Proof")
    out += proof
    return out.joined(separator: "\n\n") + "\n"
  }

  private var verdict: String { record.hasPassed ? "passed" : "FAILED" }

  private var facts: String {
    table(
      ["", ""],
      [
        ["Drill", code(record.id)], ["Repository", code(record.repository)],
        ["Host", code(record.host)], ["Started", record.started.utcSeconds],
        ["Ended", record.ended.utcSeconds],
        [
          "Restored",
          "\(record.files) of \(HumanText.count(record.filesTotal, "file")), "
            + HumanText.bytes(UInt64(max(0, record.bytes))),
        ],
        ["Program", inline(record.program)],
      ])
  }

  private var proof: [String] {
    guard let receipt = document.receipt else {
      return ["There is no receipt of this drill in the log: it proves nothing to others."]
    }
    var out = [
      "The log of the repository says at entry \(record.startEntry) that this drill began, and at entry "
        + "\(receipt.index) what came of it. That entry has the SHA-256 of `\(DrillDocument.recordName)`, "
        + "from which this page is made:",
      fenced(record.digest.hex), "Anybody with the log's key verifies it:",
      fenced(document.verification), "The receipt:",
      fenced(String(decoding: receipt.bytes, as: UTF8.self)),
    ]
    if let logProof = document.logProof {
      out += ["That it is in the log:", fenced(String(decoding: logProof, as: UTF8.self))]
    } else {
      out.append(
        "There is no checkpoint yet that has it: `varve receipt export \(receipt.index)` gives the proof later."
      )
    }
    return out
  }

  private func word(_ result: DrillStep.Result) -> String {
    result == .failed ? "**FAILED**" : result.rawValue
  }

  private func table(_ head: [String], _ rows: [[String]]) -> String {
    let lines =
      ["| \(head.joined(separator: " | ")) |", "|" + head.map { _ in "---|" }.joined()]
      + rows.map { "| \($0.joined(separator: " | ")) |" }
    return lines.joined(separator: "\n")
  }

  /// Text in which nothing is markup.
  private func inline(_ text: String) -> String {
    var out = ""
    for scalar in ByteText.printable(text).unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\\", "`", "*", "_", "[", "]", "#", "|", "~", "!": out += "\\" + String(scalar)
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  private func code(_ text: String) -> String {
    var escaped = ""
    for scalar in ByteText.printable(text).unicodeScalars {
      if scalar == "|" { escaped += "\\" }
      escaped.unicodeScalars.append(scalar)
    }
    let text = escaped
    let ticks = String(repeating: "`", count: longestRun(of: "`", in: text) + 1)
    return ticks.count == 1 ? "`\(text)`" : "\(ticks) \(text) \(ticks)"
  }

  private func fenced(_ text: String) -> String {
    let fence = String(repeating: "`", count: max(3, longestRun(of: "`", in: text) + 1))
    return "\(fence)\n\(text)\(text.utf8.last == 0x0a ? "" : "\n")\(fence)"
  }

  /// Not of a `Character`: with a mark behind it, it is another one to Swift and the same to Markdown.
  private func longestRun(of scalar: Unicode.Scalar, in text: String) -> Int {
    var (longest, run) = (0, 0)
    for next in text.unicodeScalars {
      run = next == scalar ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest
  }
}
