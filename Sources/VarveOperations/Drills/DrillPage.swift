import VarveFormat

/// A drill's document as one HTML page that needs nothing else: no script, no other file, no network.
struct DrillPage {
  private let document: DrillDocument
  private var record: DrillRecord { document.record }

  init(_ document: DrillDocument) { self.document = document }

  var text: String {
    var page = HTMLText()
    page.raw(
      """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">

      """)
    page.element(
      "title", "", "Restore drill \(record.profile) / \(record.drill): \(verdict)")
    page.raw("\n<style>\n\(Self.style)\n</style>\n</head>\n<body>\n<main>\n")
    head(&page)
    measures(&page)
    steps(&page)
    outputs(&page)
    additions(&page)
    proof(&page)
    page.raw("<footer>")
    page.add("Made by \(record.program) on \(record.host) at \(record.ended.utcSeconds).")
    page.raw("</footer>\n</main>\n</body>\n</html>\n")
    return page.text
  }

  private var verdict: String { record.hasPassed ? "passed" : "failed" }

  private func head(_ page: inout HTMLText) {
    page.raw("<header>")
    page.element("p", "", "Restore drill \(record.drill) of \(record.profile)")
    page.element(
      "h1", "class=\"\(record.hasPassed ? "good" : "bad")\"",
      record.hasPassed ? "✓ Passed" : "✗ Failed")
    page.element(
      "p", "",
      "\(record.started.utcSeconds) to \(record.ended.utcSeconds), drill \(record.id)")
    page.element("p", "class=\"mono\"", "repository \(record.repository)")
    page.raw("</header>\n")
    guard !record.failures.isEmpty else { return }
    page.raw("<ul class=\"failures\">")
    for step in record.failures {
      page.raw("<li><b>")
      page.add(step.kind.rawValue)
      page.raw("</b> ")
      page.add("\(step.subject): \(step.finding)")
      page.raw("</li>")
    }
    page.raw("</ul>\n")
  }

  private func measures(_ page: inout HTMLText) {
    page.raw("<h2>Targets</h2>\n<dl class=\"facts\">")
    for measure in DrillMeasure.all(record) {
      fact(
        &page, measure.name, measure.value,
        measure.isMet == nil ? "no target" : "target \(measure.target): \(measure.verdict)",
        isBad: measure.isMet == false)
    }
    fact(
      &page, "Files", "\(record.files)",
      "of \(record.filesTotal); "
        + HumanText.bytes(UInt64(max(0, record.bytes))))
    let failed = record.failures.count
    fact(
      &page, "Steps", "\(record.steps.count)", failed == 0 ? "none failed" : "\(failed) failed",
      isBad: failed > 0)
    page.raw("</dl>\n")
  }

  private func fact(
    _ page: inout HTMLText, _ name: String, _ value: String, _ note: String, isBad: Bool = false
  ) {
    page.raw("<div>")
    page.element("dt", "", name)
    page.raw(isBad ? "<dd class=\"bad\">" : "<dd>")
    page.add(value)
    page.element("small", "", note)
    page.raw("</dd></div>")
  }

  private func steps(_ page: inout HTMLText) {
    page.raw(
      """
      <h2>Steps</h2>
      <div class="scroll" tabindex="0" role="region" aria-label="Steps"><table>
      <thead><tr><th scope="col">#</th><th scope="col">Step</th><th scope="col">Of</th><th scope="col">Result</th>\
      <th scope="col" class="number">Time</th><th scope="col">Found</th></tr></thead><tbody>

      """)
    for (index, step) in record.steps.enumerated() {
      page.raw("<tr class=\"\(step.result.rawValue)\"><td>\(index + 1)</td>")
      page.element("td", "class=\"kind\"", step.kind.rawValue)
      page.element("td", "class=\"mono\"", step.subject)
      page.element("td", "class=\"result\"", mark(step.result) + " " + step.result.rawValue)
      page.element("td", "class=\"number\"", "\(step.milliseconds) ms")
      page.element("td", "", step.finding)
      page.raw("</tr>\n")
    }
    page.raw("</tbody></table></div>\n")
  }

  private func mark(_ result: DrillStep.Result) -> String {
    switch result {
    case .passed: "✓"
    case .failed: "✗"
    case .skipped: "–"
    }
  }

  private func outputs(_ page: inout HTMLText) {
    guard record.steps.contains(where: { !$0.output.isEmpty }) else { return }
    page.raw("<h2>Outputs</h2>\n")
    for (index, step) in record.steps.enumerated() where !step.output.isEmpty {
      page.raw(step.result == .failed ? "<details open>" : "<details>")
      page.element("summary", "", "Step \(index + 1), \(step.kind.rawValue) \(step.subject)")
      lines(&page, step.output)
      page.raw("</details>\n")
    }
  }

  private func lines(_ page: inout HTMLText, _ text: String) {
    page.raw("<pre>")
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if index > 0 { page.raw("\n") }
      page.add(String(line))
    }
    page.raw("</pre>\n")
  }

  private func additions(_ page: inout HTMLText) {
    if !record.warnings.isEmpty {
      page.raw("<h2>Warnings</h2>\n<ul>")
      for warning in record.warnings { page.element("li", "", warning) }
      page.raw("</ul>\n")
    }
    for note in record.notes {
      page.element("h2", "", note.name)
      lines(&page, note.text)
    }
  }

  private func proof(_ page: inout HTMLText) {
    page.raw("<h2>Proof</h2>\n")
    guard let receipt = document.receipt else {
      page.element(
        "p", "", "There is no receipt of this drill in the log: it proves nothing to others.")
      return
    }
    page.element(
      "p", "",
      "The log of the repository says at entry \(record.startEntry) that this drill began, and at entry "
        + "\(receipt.index) what came of it. That entry has the SHA-256 of \(DrillDocument.recordName), from which this "
        + "page is made. Anybody with the log's key verifies it:")
    lines(&page, document.verification)
    var parts = [
      ("SHA-256 of \(DrillDocument.recordName)", record.digest.hex),
      (DrillDocument.receiptName, String(decoding: receipt.bytes, as: UTF8.self)),
    ]
    if let logProof = document.logProof {
      parts.append((DrillDocument.logProofName, String(decoding: logProof, as: UTF8.self)))
    } else {
      page.element(
        "p", "",
        "There is no checkpoint yet that has it: varve receipt export \(receipt.index) gives the proof later."
      )
    }
    parts.append((DrillDocument.recordName, String(decoding: record.document, as: UTF8.self)))
    for (name, text) in parts {
      page.raw("<details>")
      page.element("summary", "", name)
      lines(&page, text)
      page.raw("</details>\n")
    }
  }

  /// Two palettes over the same roles, each with contrast of at least 4.5 for text; marks differ in shape as well.
  private static let style = """
    :root { color-scheme: light dark; --page: #f6f6f3; --card: #ffffff; --line: #dcdcd5; --text: #1c1e21;
      --soft: #5a5f66; --good: #1a6b43; --bad: #b3261e; --bad-soft: #fbe9e7; }
    @media (prefers-color-scheme: dark) { :root { --page: #131518; --card: #1b1e22; --line: #33383f;
      --text: #e6e7e9; --soft: #a0a6ae; --good: #69c795; --bad: #ff8a80; --bad-soft: #3a1f1d; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
    main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
    header p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
    h1 { margin: .35rem 0 .5rem; font-size: 1.9rem; line-height: 1.2; }
    h2 { margin: 2.25rem 0 .75rem; font-size: 1.15rem; overflow-wrap: anywhere; }
    .good { color: var(--good); } .bad, tr.failed .result { color: var(--bad); }
    tr.failed .result { font-weight: 600; }
    .mono, pre { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
    .failures { list-style: none; margin: 1.25rem 0 0; padding: .9rem 1.1rem; background: var(--bad-soft);
      border-left: 4px solid var(--bad); border-radius: 4px; overflow-wrap: anywhere; }
    .failures b { color: var(--bad); }
    dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 1px; margin: 0;
      background: var(--line); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
    dl.facts div { background: var(--card); padding: .8rem 1rem; }
    dl.facts dt { color: var(--soft); font-size: .82rem; }
    dl.facts dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
    dl.facts small { display: block; font-size: .82rem; color: var(--soft); } dl.facts .bad small { color: var(--bad); }
    .scroll { overflow-x: auto; } .scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--good); }
    table { width: 100%; border-collapse: collapse; background: var(--card); font-size: .92rem; }
    th, td { padding: .45rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
      overflow-wrap: anywhere; }
    th { color: var(--soft); font-size: .82rem; } .kind, .result, .number { white-space: nowrap; }
    .number { text-align: right; font-variant-numeric: tabular-nums; }
    details { margin: .5rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
    pre { margin: .5rem 0; padding: .8rem 1rem; background: var(--card); border: 1px solid var(--line);
      border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
    footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
    @media print { body { background: #fff; } main { max-width: none; padding: 0; } }
    """
}
