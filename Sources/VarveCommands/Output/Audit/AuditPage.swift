import Varve
import VarveFormat
import VarveProof

/// An audit's result as one HTML page that needs nothing else: no script, no other file, no network. Its size does not
/// grow with the log: events and findings are shown up to a number, the timeline has so many parts.
struct AuditPage {
  static let findingLimit = 500
  static let sourceLimit = 200

  private let report: AuditReport

  init(_ report: AuditReport) { self.report = report }

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
    page.element("title", "", "Audit: \(verdict)")
    page.raw("\n<style>\n\(Self.style)\n</style>\n</head>\n<body>\n<main>\n")
    head(&page)
    facts(&page)
    timeline(&page)
    findings(&page)
    sources(&page)
    events(&page)
    authors(&page)
    entries(&page)
    proofs(&page)
    assumptions(&page)
    page.raw("<footer>")
    page.add("Made by \(report.program) at \(Self.time(report.generated)).")
    page.raw("</footer>\n</main>\n</body>\n</html>\n")
    return page.text
  }

  private var verdict: String {
    guard let first = report.broken.first else { return "every link holds" }
    let what = first.breaksChain ? "the chain is broken" : "the rules were broken"
    return first.entry.map { "\(what) at entry \($0)" } ?? what
  }

  private func head(_ page: inout HTMLText) {
    page.raw("<header><p>Audit of</p><p class=\"mono\">")
    page.add(report.origin)
    page.raw("</p>")
    let word = verdict.prefix(1).uppercased() + verdict.dropFirst()
    page.element(
      "h1", "class=\"\(report.holds ? "good" : "bad")\"", (report.holds ? "✓ " : "✗ ") + word)
    let from =
      report.period.from.map { "from \(Self.time($0)) " } ?? "from the beginning of the log "
    page.element("p", "", "What was done \(from)to \(Self.time(report.period.to))")
    page.raw("</header>\n")
    guard let first = report.broken.first else { return }
    page.raw("<p class=\"first\" role=\"alert\"><b>First broken link:</b> ")
    page.add(first.message)
    page.raw("</p>\n")
  }

  private func facts(_ page: inout HTMLText) {
    func fact(_ name: String, _ value: UInt64, _ more: String) {
      page.raw("<div>")
      page.element("dt", "", name)
      page.raw("<dd>\(HumanText.grouped(value))")
      page.element("small", "", more)
      page.raw("</dd></div>\n")
    }
    let snapshots = report.snapshots
    page.raw("<dl class=\"facts\">\n")
    fact("Entries verified", report.head.size, "in \(HumanText.count(report.commits, "commit"))")
    fact("Entries judged", UInt64(report.period.entries.count), "in this period")
    fact("Snapshots added", snapshots.added, "\(snapshots.live) live at the end")
    fact(
      "Snapshots let go", snapshots.forgotten + snapshots.overridden,
      snapshots.overridden == 0 ? "all by policy" : "\(snapshots.overridden) against the policy")
    fact("Checks", report.checks.all, "\(report.checks.damaged) found damage")
    if let objects = report.objects {
      fact(
        "Objects", objects.checked,
        objects.mode == .hash ? "every byte read" : "presence and size")
    }
    page.raw("</dl>\n")
  }

  private func timeline(_ page: inout HTMLText) {
    page.raw("<section aria-labelledby=\"timeline\">\n<h2 id=\"timeline\">Timeline</h2>\n")
    guard !report.timeline.lanes.isEmpty else {
      page.raw("<p>Nothing was done in this period.</p></section>\n")
      return
    }
    page.raw("<figure><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Timeline\">")
    AuditDrawing(report.timeline).draw(into: &page)
    page.raw("</div>\n<figcaption>Each bar stands for ")
    let span = report.timeline.end.seconds - report.timeline.start.seconds
    page.add(HumanText.span(max(span / Int64(AuditTimeline.partCount), 1)))
    page.raw(
      "; its height grows with the square root of the number. Times are UTC.</figcaption>\n</figure>\n</section>\n"
    )
  }

  private func findings(_ page: inout HTMLText) {
    page.raw("<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>\n")
    let all = report.broken + report.notices
    if report.holds { page.raw("<p>No link of the chain is broken.</p>\n") }
    page.raw("<ol class=\"findings\">\n")
    for finding in all.prefix(Self.findingLimit) {
      let isNotice = finding.severity == .notice
      page.raw(isNotice ? "<li class=\"notice\">" : "<li>")
      page.element(
        "span", "class=\"kind\"", (isNotice ? "notice: " : "broken: ") + finding.kind.rawValue)
      page.element("span", "", finding.message)
      page.raw("</li>\n")
    }
    page.raw("</ol>\n")
    if all.count > Self.findingLimit {
      page.element("p", "", "And \(all.count - Self.findingLimit) more; the JSON report has all.")
    }
    page.raw("</section>\n")
  }

  private func sources(_ page: inout HTMLText) {
    guard !report.sources.isEmpty else { return }
    page.raw("<section aria-labelledby=\"sources\">\n<h2 id=\"sources\">Sources</h2>\n")
    table(
      &page,
      [
        ("Source", ""), ("Snapshots", "number"), ("Live", "number"), ("Newest", ""),
        ("Longest time without", ""), ("Allowed", ""),
      ],
      report.sources.prefix(Self.sourceLimit).map { source in
        [
          String(source.id.hex.prefix(16)), "\(source.snapshots)", "\(source.live)",
          source.newest.map(Self.time) ?? "",
          source.longestGap > 0
            ? HumanText.span(source.longestGap)
              + (source.gapEnd.map { ", to \(Self.time($0))" } ?? "")
            : "",
          source.allowedGap?.text ?? "any",
        ]
      }, mono: 0)
    if report.sources.count > Self.sourceLimit {
      page.element("p", "", "And \(report.sources.count - Self.sourceLimit) more.")
    }
    page.raw("</section>\n")
  }

  private func events(_ page: inout HTMLText) {
    guard !report.events.isEmpty else { return }
    page.raw(
      "<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">Changes of keys, policies and holds</h2>\n"
    )
    table(
      &page, [("Entry", "number"), ("Time", ""), ("Author", ""), ("What", "")],
      report.events.map {
        ["\($0.entry)", Self.time($0.time), String($0.author.text.prefix(8)), $0.text]
      }, mono: 2)
    if report.omittedEvents > 0 { page.element("p", "", "And \(report.omittedEvents) more.") }
    page.raw("</section>\n")
  }

  private func authors(_ page: inout HTMLText) {
    page.raw("<section aria-labelledby=\"authors\">\n<h2 id=\"authors\">Authors</h2>\n")
    table(
      &page,
      [
        ("Author", ""), ("Role", ""), ("Since entry", "number"), ("Until entry", "number"),
        ("Entries in the period", "number"),
      ],
      report.authors.map { author in
        [
          author.keyID.text,
          author.role.rawValue + (author.credential == nil ? ", by the recovery key" : ""),
          "\(author.added)", author.removed.map { "\($0)" } ?? "", "\(author.entries)",
        ]
      }, mono: 0)
    page.raw("</section>\n")
  }

  private func entries(_ page: inout HTMLText) {
    page.raw(
      "<section aria-labelledby=\"entries\">\n<h2 id=\"entries\">Entries in the period</h2>\n")
    table(
      &page, [("Kind", ""), ("Entries", "number")],
      report.kinds.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map {
        [$0.key, "\($0.value)"]
      },
      isShort: true)
    page.raw("</section>\n")
  }

  private func table(
    _ page: inout HTMLText, _ columns: [(name: String, style: String)], _ rows: [[String]],
    mono: Int? = nil, isShort: Bool = false
  ) {
    page.raw(
      "<div class=\"scroll\"><table\(isShort ? " class=\"short\"" : "")>\n<thead><tr>")
    for (name, style) in columns {
      page.element("th", "scope=\"col\"" + (style.isEmpty ? "" : " class=\"\(style)\""), name)
    }
    page.raw("</tr></thead>\n<tbody>\n")
    for row in rows {
      page.raw("<tr>")
      for (index, cell) in row.enumerated() {
        let style = index == mono ? "mono nowrap" : columns[index].style
        page.element("td", style.isEmpty ? "" : "class=\"\(style)\"", cell)
      }
      page.raw("</tr>\n")
    }
    page.raw("</tbody></table></div>\n")
  }

  private func proofs(_ page: inout HTMLText) {
    page.raw("<section aria-labelledby=\"proofs\">\n<h2 id=\"proofs\">Heads and proofs</h2>\n")
    let period = report.period
    var rows = [
      ["before the period", "\(period.first.size)", Self.text(period.first.root), ""],
      [
        "at its end", "\(period.last.size)", Self.text(period.last.root),
        "continues the one before",
      ],
      ["as far as verified", "\(report.head.size)", Self.text(report.head.root), ""],
    ]
    for head in [report.checkpoint].compactMap({ $0 }) + report.pins {
      let state =
        head.conflict != nil
        ? "another log" : head.proof != nil ? "the log continues it" : "not reached"
      rows.append([head.name, "\(head.head.size)", Self.text(head.head.root), state])
    }
    table(&page, [("Head", ""), ("Size", "number"), ("Root", ""), ("State", "")], rows, mono: 2)
    page.raw("<details><summary>Consistency proofs (RFC 6962, section 2.1.2)</summary>\n")
    proof("From size \(period.first.size) to \(period.last.size)", period.proof, &page)
    for head in [report.checkpoint].compactMap({ $0 }) + report.pins {
      guard let hashes = head.proof else { continue }
      proof("From \(head.name), size \(head.head.size), to \(report.head.size)", hashes, &page)
    }
    page.raw("</details>\n<p>The log's key")
    page.add(
      report.isKeyGiven ? ", as it was given to this audit: " : ", by the repository's own word: ")
    page.element("code", "", report.key)
    page.raw("</p></section>\n")
  }

  private func proof(_ name: String, _ hashes: [Digest], _ page: inout HTMLText) {
    page.element("p", "", name + (hashes.isEmpty ? ": no hash is needed." : ":"))
    guard !hashes.isEmpty else { return }
    page.raw("<p class=\"mono\">")
    page.add(hashes.map(Self.text).joined(separator: " "))
    page.raw("</p>\n")
  }

  private func assumptions(_ page: inout HTMLText) {
    page.raw(
      """
      <section aria-labelledby="assumed">
      <h2 id="assumed">What this shows, and what it assumes</h2>
      <p class="assumed">Each entry was read from storage, and was signed by an author who might sign it at that point; none was \
      changed, left out or put in another order since the heads above. Each complete snapshot that went was judged by \
      the policy that was in force then. It is assumed that the log's key is the right one, that SHA-256 and Ed25519 \
      hold, and, as far as no cosignature or time stamp bounds them, that claimed times are true. That every snapshot \
      can be restored is what checks by somebody with a key say.</p>
      </section>

      """)
  }

  private static func text(_ hash: Digest) -> String { Base64.encode(hash.bytes) }

  static func time(_ time: Timestamp) -> String {
    EntryText.shortTime(Timestamp(seconds: time.seconds)) + " UTC"
  }
}
