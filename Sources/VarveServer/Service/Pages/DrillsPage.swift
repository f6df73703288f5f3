import Hummingbird
import VarveFormat
import VarveOperations

/// Drills: what they measured against what they may take.
struct DrillsPage {
  private static let runLimit = 200

  let shown: StatusBoard.Shown
  let mayAct: Bool
  let user: String?

  var response: Response {
    PageFrame(title: "Drills", place: .drills, user: user).response { page in
      page.raw(
        "<h1>Drills</h1><p class=\"sub\">Restores made to see that restores work: how long they took (RTO), and how old what they restored was (RPO).</p>\n"
      )
      guard let report = shown.report, !report.drills.isEmpty else {
        page.raw("<p>The configuration has none.</p>\n")
        return
      }
      page.raw("<section aria-labelledby=\"state\"><h2 id=\"state\">State</h2>\n")
      Self.table(report, into: &page)
      page.raw("</section>\n")
      for (index, drill) in report.drills.enumerated() { section(drill, index, &page) }
    }
  }

  static func table(_ report: StatusReport, into page: inout HTMLText) {
    page.table(
      "State of each drill",
      [
        ("Drill", ""), ("State", ""), ("Last run", ""), ("RTO", "number"), ("Target", "number"),
        ("RPO", "number"), ("Target", "number"), ("Due", ""),
      ],
      report.drills.map { drill in
        [
          "<span class=\"soft\">\(HTMLText.cell(drill.profile))</span> \(HTMLText.cell(drill.drill))",
          PageText.state(drill.state, drill.state == "none" ? .warning : drill.level),
          PageText.time(drill.lastRun), drill.seconds.map(HumanText.span) ?? "–",
          drill.recoveryTimeTarget.map(HumanText.span) ?? "–",
          drill.recoveryPoint.map(HumanText.span) ?? "–",
          drill.recoveryPointTarget.map(HumanText.span) ?? "–",
          drill.due == nil ? "–" : PageText.time(drill.due),
        ]
      })
  }

  private struct Run {
    var started: Timestamp
    var seconds: Int64
    var recoveryPoint: Int64?
    var hasPassed: Bool
    var message: String?
  }

  /// Newest first: what the log says, and of this host's own what did not get there.
  private func runs(_ drill: DrillStatus) -> [Run] {
    var runs = shown.facts.values.flatMap(\.drills).filter {
      $0.profile == drill.profile && $0.drill == drill.drill
    }.map {
      Run(
        started: $0.started, seconds: $0.seconds, recoveryPoint: $0.recoveryPoint,
        hasPassed: $0.hasPassed)
    }
    for record in shown.journal
    where record.activity == .drill && record.name == drill.profile
      && record.detail == drill.drill && record.result != .started
    {
      if let same = runs.firstIndex(where: {
        abs($0.started.seconds - record.started.seconds) <= 60
      }) {
        runs[same].message = record.message
        continue
      }
      runs.append(
        Run(
          started: record.started,
          seconds: max(0, (record.ended ?? record.started).seconds - record.started.seconds),
          hasPassed: record.result == .success, message: record.message))
    }
    return runs.sorted { $0.started > $1.started }
  }

  private func section(_ drill: DrillStatus, _ index: Int, _ page: inout HTMLText) {
    let id = "drill\(index)"
    page.raw("<section aria-labelledby=\"\(id)\"><h2 id=\"\(id)\">")
    page.add("\(drill.profile) \(drill.drill)")
    page.raw("</h2>\n")
    defer { page.raw("</section>\n") }
    if mayAct, drill.runningSince == nil {
      page.raw(
        "<form method=\"post\" action=\"/drills\"><input type=\"hidden\" name=\"profile\" value=\"")
      page.add(drill.profile)
      page.raw("\"><input type=\"hidden\" name=\"drill\" value=\"")
      page.add(drill.drill)
      page.raw("\"><button type=\"submit\" aria-label=\"Run the drill ")
      page.add("\(drill.profile) \(drill.drill)")
      page.raw(" now\">Run now</button></form>\n")
    }
    let runs = runs(drill)
    guard !runs.isEmpty else {
      page.raw("<p>It has not run yet.</p>\n")
      return
    }
    plots(drill, runs, index, &page)
    page.raw("<details><summary>All runs as a table</summary>\n")
    page.table(
      "Runs of \(drill.profile) \(drill.drill), newest first",
      [
        ("Begun", ""), ("Result", ""), ("RTO", "number"), ("RPO", "number"),
        ("What failed", "wide"),
      ],
      runs.prefix(Self.runLimit).map {
        [
          PageText.time($0.started),
          PageText.state($0.hasPassed ? "passed" : "failed", $0.hasPassed ? .good : .bad),
          HumanText.span($0.seconds), $0.recoveryPoint.map(HumanText.span) ?? "–",
          HTMLText.cell($0.message ?? ""),
        ]
      })
    page.raw("</details>\n")
  }

  private func plots(
    _ drill: DrillStatus, _ runs: [Run], _ index: Int, _ page: inout HTMLText
  ) {
    page.raw("<div class=\"pair\">\n")
    plot(
      "rto\(index)", "Recovery time", drill.recoveryTimeTarget,
      runs.map { ($0.started.seconds, $0.seconds, !$0.hasPassed) }, &page)
    plot(
      "rpo\(index)", "Recovery point", drill.recoveryPointTarget,
      runs.compactMap { run in
        run.recoveryPoint.map { (run.started.seconds, $0, !run.hasPassed) }
      }, &page)
    page.raw("</div>\n")
  }

  private func plot(
    _ id: String, _ name: String, _ target: Int64?,
    _ values: [(time: Int64, seconds: Int64, isBad: Bool)], _ page: inout HTMLText
  ) {
    guard !values.isEmpty else { return }
    let plot = TimePlot(values.map(\.time), hasLabels: false)
    let most = values.map(\.seconds).max() ?? 0
    let wanted = target.map { ", the target is \(HumanText.span($0))" } ?? ""
    page.raw("<figure>")
    plot.open(
      &page, id: id, height: 250, title: name,
      description:
        "\(HumanText.count(values.count, "run")); the longest \(HumanText.span(most)), the last \(HumanText.span(values[0].seconds))\(wanted). \(values.count { $0.isBad }) failed."
    )
    plot.curve(
      values.sorted { $0.time < $1.time }.map {
        TimePlot.Point(time: $0.time, value: Double($0.seconds), isBad: $0.isBad)
      }, &page, top: 12, bottom: 210, target: target.map(Double.init), isStepped: false
    ) { PageText.age(Int64($0)) }
    page.raw("</svg><figcaption>")
    page.add(
      name + (target.map { ", target \(HumanText.span($0))" } ?? "")
        + ". A cross is a run that failed.")
    page.raw("</figcaption></figure>\n")
  }
}
