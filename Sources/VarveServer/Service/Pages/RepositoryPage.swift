import Hummingbird
import VarveFormat
import VarveOperations
import VarveRepository

/// A repository: its snapshots and its chain over time, how it grew, and what is in it.
struct RepositoryPage {
  private static let pageSize = 100
  private static let laneLimit = 14

  let status: RepositoryStatus
  let facts: RepositoryFacts
  /// Only snapshots of entries below this one are listed.
  let before: UInt64?
  let user: String?

  var response: Response {
    PageFrame(title: status.name, user: user).response { page in
      page.element("h1", "", status.name)
      page.raw("<p class=\"sub mono\">")
      page.add(facts.origin)
      page.raw("</p>\n")
      factsList(&page)
      for problem in status.problems {
        page.raw("<p role=\"alert\">" + PageText.state(problem.kind.rawValue, .bad) + " ")
        page.add(problem.message)
        page.raw("</p>\n")
      }
      guard let snapshots = facts.snapshots else {
        page.raw(
          "<p>What it has cannot be shown: the credential of this service does not open records.</p>\n"
        )
        return
      }
      timeline(snapshots, &page)
      growth(snapshots, &page)
      list(snapshots, &page)
    }
  }

  private func factsList(_ page: inout HTMLText) {
    page.raw("<dl class=\"facts\">")
    func fact(_ name: String, _ markup: String) {
      page.raw("<div>")
      page.element("dt", "", name)
      page.raw("<dd>\(markup)</dd></div>")
    }
    fact("State", PageText.state(status.state, status.level))
    fact("Log entries", status.logSize.map { PageText.count(Int64(clamping: $0)) } ?? "–")
    fact("Live snapshots", status.snapshotCount.map { PageText.count(Int64($0)) } ?? "–")
    fact("Stored", status.storedBytes.map { PageText.bytes(Int64(clamping: $0)) } ?? "–")
    fact("Data last verified", PageText.time(status.verified))
    if status.witnessed != nil { fact("Witnessed", PageText.time(status.witnessed)) }
    fact("Read", PageText.time(status.read))
    page.raw("</dl>\n")
  }

  static func source(_ snapshot: RepositoryFacts.Snapshot) -> String {
    if let profile = snapshot.profile, let source = snapshot.source {
      return "\(profile)/\(source)"
    }
    let paths = snapshot.heading.paths.map { ByteText.printable($0) }.joined(separator: ", ")
    return "\(ByteText.printable(snapshot.heading.host)):\(paths)"
  }

  // MARK: Plots

  private func timeline(
    _ snapshots: [RepositoryFacts.Snapshot], _ page: inout HTMLText
  ) {
    page.raw("<section aria-labelledby=\"timeline\"><h2 id=\"timeline\">Timeline</h2>\n")
    defer { page.raw("</section>\n") }
    var groups: [String: [RepositoryFacts.Snapshot]] = [:]
    for snapshot in snapshots { groups[Self.source(snapshot), default: []].append(snapshot) }
    var lanes: [TimePlot.Lane] = groups.sorted { $0.key < $1.key }.prefix(Self.laneLimit).map {
      name, all in
      TimePlot.Lane(
        name: name,
        marks: all.map {
          .init(
            time: $0.heading.time.seconds, shape: $0.heading.isPartial ? .diamond : .bar)
        })
    }
    let shownGroups = lanes.count
    func lane(_ name: String, _ marks: [TimePlot.Lane.Mark]) {
      if !marks.isEmpty { lanes.append(TimePlot.Lane(name: name, marks: marks)) }
    }
    lane(
      "chain: checks",
      facts.checks.map { .init(time: $0.time.seconds, shape: $0.isDamaged ? .cross : .dot) })
    lane("chain: witnesses", facts.attestations.map { .init(time: $0.seconds, shape: .diamond) })
    lane("chain: deletions", facts.deletions.map { .init(time: $0.seconds, shape: .bar) })
    lane(
      "chain: drills",
      facts.drills.map {
        .init(time: $0.started.seconds, shape: $0.hasPassed ? .dot : .cross)
      })
    guard !lanes.isEmpty else {
      page.raw("<p>Nothing has happened yet.</p>\n")
      return
    }
    let plot = TimePlot(lanes.flatMap { $0.marks.map(\.time) }, hasLabels: true)
    page.raw(
      "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Timeline\">")
    plot.open(
      &page, id: "time", height: 36 + lanes.count * TimePlot.laneHeight,
      title: "Snapshots and what else the log has",
      description: "From \(PageText.date(plot.start)) to \(PageText.date(plot.end)). "
        + lanes.map { "\($0.name): \($0.marks.count)" }.joined(separator: "; "))
    plot.lanes(lanes, &page)
    page.raw(
      "</svg></div><figcaption>A bar is a snapshot, a diamond one that is not complete, or an attestation; a cross is damage found, or a drill that failed."
    )
    if groups.count > shownGroups {
      page.add(" \(groups.count - shownGroups) more sources are not drawn.")
    }
    page.raw("</figcaption></figure>\n")
  }

  private func growth(_ snapshots: [RepositoryFacts.Snapshot], _ page: inout HTMLText) {
    let ordered = snapshots.sorted { $0.heading.time < $1.heading.time }
    guard ordered.count > 1, let last = ordered.last else { return }
    var stored = 0.0
    var whole = 0.0
    var growth: [TimePlot.Point] = []
    var factor: [TimePlot.Point] = []
    for snapshot in ordered {
      stored += Double(snapshot.heading.bytesStored)
      whole += Double(snapshot.heading.bytes)
      growth.append(.init(time: snapshot.heading.time.seconds, value: stored))
      factor.append(
        .init(time: snapshot.heading.time.seconds, value: stored > 0 ? whole / stored : 0))
    }
    page.raw(
      "<section aria-labelledby=\"growth\"><h2 id=\"growth\">Growth and deduplication</h2>\n<div class=\"pair\">\n"
    )
    let plot = TimePlot(ordered.map(\.heading.time.seconds), hasLabels: false)
    page.raw("<figure>")
    plot.open(
      &page, id: "grown", height: 250, title: "Bytes that the live snapshots added to storage",
      description:
        "\(PageText.bytes(Int64(growth[0].value))) on \(PageText.date(growth[0].time)), \(PageText.bytes(Int64(stored))) on \(PageText.date(last.heading.time.seconds))."
    )
    plot.curve(Self.thinned(growth), &page, top: 12, bottom: 210, isStepped: true) {
      PageText.bytes(Int64($0))
    }
    page.raw(
      "</svg><figcaption>Bytes that the live snapshots added to storage</figcaption></figure>\n<figure>"
    )
    let final = HumanText.fixed(stored > 0 ? whole / stored : 0, 1)
    plot.open(
      &page, id: "dedup", height: 250, title: "Deduplication and compression",
      description:
        "All snapshots together restore to \(PageText.bytes(Int64(min(whole, 9e18)))), \(final) times what they take."
    )
    plot.curve(Self.thinned(factor), &page, top: 12, bottom: 210, isStepped: true) {
      "× " + HumanText.fixed($0, $0 < 10 ? 1 : 0)
    }
    page.raw("</svg><figcaption>")
    page.add("What they restore to, over what they take: × \(final)")
    page.raw("</figcaption></figure>\n</div></section>\n")
  }

  /// At most some hundred points, the last among them.
  private static func thinned(_ points: [TimePlot.Point]) -> [TimePlot.Point] {
    let step = max(1, points.count / 400)
    return points.enumerated().filter {
      $0.offset.isMultiple(of: step) || $0.offset == points.count - 1
    }.map(\.element)
  }

  // MARK: Snapshots

  private func list(_ snapshots: [RepositoryFacts.Snapshot], _ page: inout HTMLText) {
    page.raw("<section aria-labelledby=\"snapshots\"><h2 id=\"snapshots\">Snapshots</h2>\n")
    defer { page.raw("</section>\n") }
    let all = snapshots.reversed().filter { before.map { $0 } ?? .max > $0.entry }
    guard !all.isEmpty else {
      page.raw("<p>None.</p>\n")
      return
    }
    let base = "/repositories/" + PercentEncoding.encode(status.name.utf8)
    page.table(
      "Snapshots, newest first",
      [
        ("Snapshot", "mono"), ("Taken", ""), ("Source", ""), ("Files", "number"),
        ("Size", "number"), ("Added", "number"), ("Tags", ""), ("Log entry", "number"),
      ],
      all.prefix(Self.pageSize).map { snapshot in
        let id = String(snapshot.id.hex.prefix(8))
        return [
          HTMLText.link("\(base)/snapshots/\(snapshot.id.hex)", id)
            + (snapshot.heading.isPartial ? " partial" : ""),
          PageText.time(snapshot.heading.time), HTMLText.cell(Self.source(snapshot)),
          PageText.count(snapshot.heading.files), PageText.bytes(snapshot.heading.bytes),
          PageText.bytes(snapshot.heading.bytesStored),
          HTMLText.cell(snapshot.heading.tags.joined(separator: ", ")), "\(snapshot.entry)",
        ]
      })
    if all.count > Self.pageSize {
      let next = all[Self.pageSize - 1].entry
      page.raw("<p><a href=\"\(base)?before=\(next)#snapshots\">Older snapshots</a>")
      page.add(" (\(HumanText.count(all.count - Self.pageSize, "more", "more")))")
      page.raw("</p>\n")
    }
  }
}
