import Hummingbird
import VarveFormat
import VarveOperations
import VarveRepository

/// Everything at a glance: what is wrong first, then sources, repositories, drills.
struct OverviewPage {
  private static let days = 30

  let shown: StatusBoard.Shown
  let profiles: [Profile]
  let user: String?

  var response: Response {
    PageFrame(title: "Overview", place: .overview, user: user).response { page in
      guard let report = shown.report else {
        page.raw("<h1>Reading the repositories</h1><p>Load this page again in a moment.</p>\n")
        return
      }
      head(report, &page)
      problems(report, &page)
      sources(report, &page)
      repositories(report, &page)
      drills(report, &page)
    }
  }

  private func head(_ report: StatusReport, _ page: inout HTMLText) {
    let bad =
      report.sources.count { $0.level == .bad } + report.repositories.count { $0.level == .bad }
      + report.drills.count { $0.level == .bad }
    let (style, text) =
      switch report.level {
      case .good: ("good", "The backups are good")
      case .warning: ("warn", "The backups are good, with warnings")
      case .bad: ("bad", "\(HumanText.count(bad, "thing needs", "things need")) attention")
      }
    page.element("h1", "class=\"\(style)\"", text)
    page.raw("<p class=\"sub\">")
    page.add(
      "\(HumanText.count(report.sources.count, "source")) in \(HumanText.count(report.repositories.count, "repository", "repositories")), as of "
    )
    page.raw(PageText.time(report.time))
    if !shown.isComplete { page.add("; not every repository has been read yet") }
    page.raw("</p>\n")
  }

  private func problems(_ report: StatusReport, _ page: inout HTMLText) {
    var items: [(level: StatusReport.Level, name: String, state: String, text: String)] = []
    for item in report.sources {
      for problem in item.problems {
        items.append(
          (problem.kind.level, Self.name(item), problem.kind.rawValue, problem.message))
      }
    }
    for item in report.repositories {
      for problem in item.problems {
        items.append((problem.kind.level, item.name, problem.kind.rawValue, problem.message))
      }
    }
    for item in report.drills {
      for problem in item.problems {
        items.append(
          (
            problem.kind.level, "drill \(item.profile)/\(item.drill)", problem.kind.rawValue,
            problem.message
          ))
      }
    }
    guard !items.isEmpty else { return }
    page.raw("<section aria-labelledby=\"problems\"><h2 id=\"problems\">What is wrong</h2>\n")
    page.raw("<ul class=\"problems\">\n")
    for item in items.sorted(by: { $0.level > $1.level }) {
      page.raw("<li>" + PageText.state(item.state, item.level) + " ")
      page.element("b", "", item.name)
      page.raw(" <span>")
      page.add(item.text)
      page.raw("</span></li>\n")
    }
    page.raw("</ul></section>\n")
  }

  static func name(_ source: SourceStatus) -> String {
    (source.profile.map { $0 + "/" } ?? "") + source.source + " in " + source.repository
  }

  private func sources(_ report: StatusReport, _ page: inout HTMLText) {
    page.raw("<section aria-labelledby=\"sources\"><h2 id=\"sources\">Sources</h2>\n")
    defer { page.raw("</section>\n") }
    guard !report.sources.isEmpty else {
      page.raw("<p>The configuration names none.</p>\n")
      return
    }
    let strips = DayStrips(shown.facts, profiles, days: Self.days, now: report.time)
    page.table(
      "State of each source",
      [
        ("Source", ""), ("State", ""), ("Age", "number"), ("Limit", "number"),
        ("Last \(Self.days) days", "strip"), ("Newest", ""), ("Snapshots", "number"),
        ("Size", "number"), ("Repository", ""),
      ],
      report.sources.map { source in
        [
          "<span class=\"soft\">\(HTMLText.cell(source.profile ?? ""))</span> \(HTMLText.cell(source.source))",
          PageText.state(source.state, source.level),
          source.age(at: report.time).map(PageText.age) ?? "–",
          source.maximumAge.map(PageText.age) ?? "–", strips.drawing(source),
          PageText.time(source.newest),
          source.snapshotCount.map { PageText.count(Int64($0)) } ?? "–",
          source.bytes.map(PageText.bytes) ?? "–",
          HTMLText.link(
            "/repositories/" + PercentEncoding.encode(source.repository.utf8), source.repository),
        ]
      })
  }

  private func repositories(_ report: StatusReport, _ page: inout HTMLText) {
    page.raw(
      "<section aria-labelledby=\"repositories\"><h2 id=\"repositories\">Repositories</h2>\n")
    page.table(
      "State of each repository",
      [
        ("Repository", ""), ("State", ""), ("Log entries", "number"), ("Snapshots", "number"),
        ("Stored", "number"), ("Data verified", ""), ("Witnessed", ""), ("Read", ""),
      ],
      report.repositories.map { repository in
        [
          HTMLText.link(
            "/repositories/" + PercentEncoding.encode(repository.name.utf8), repository.name),
          PageText.state(repository.state, repository.level),
          repository.logSize.map { PageText.count(Int64(clamping: $0)) } ?? "–",
          repository.snapshotCount.map { PageText.count(Int64($0)) } ?? "–",
          repository.storedBytes.map { PageText.bytes(Int64(clamping: $0)) } ?? "–",
          PageText.time(repository.verified),
          repository.witnessed == nil ? "–" : PageText.time(repository.witnessed),
          PageText.time(repository.read),
        ]
      })
    page.raw("</section>\n")
  }

  private func drills(_ report: StatusReport, _ page: inout HTMLText) {
    guard !report.drills.isEmpty else { return }
    page.raw("<section aria-labelledby=\"drills\"><h2 id=\"drills\">Drills</h2>\n")
    DrillsPage.table(report, into: &page)
    page.raw("</section>\n")
  }
}

/// On which of the last days each source got a snapshot, as small pictures.
private struct DayStrips {
  private struct Place: Hashable {
    let profile: String
    let source: String
    let repository: String
  }

  private let days: Int
  private var counts: [Place: [Int]] = [:]

  init(
    _ facts: [String: RepositoryFacts], _ profiles: [Profile], days: Int, now: Timestamp
  ) {
    self.days = days
    let today = Self.day(now.seconds)
    for (name, facts) in facts {
      let all = facts.snapshots ?? []
      let owners = ProfileOwners(profiles, all.lazy.map(\.heading))
      for snapshot in all where !snapshot.heading.isPartial && owners.include(snapshot.heading) {
        guard let profile = snapshot.profile, let source = snapshot.source else { continue }
        let back = today - Self.day(snapshot.heading.time.seconds)
        guard (0..<Int64(days)).contains(back) else { continue }
        let place = Place(profile: profile, source: source, repository: name)
        counts[place, default: Array(repeating: 0, count: days)][days - 1 - Int(back)] += 1
      }
    }
  }

  private static func day(_ seconds: Int64) -> Int64 {
    let local = WallClock.local(seconds: seconds)
    return (local.seconds + Int64(local.offset)) / 86_400
  }

  func drawing(_ source: SourceStatus) -> String {
    guard source.evidence == .snapshots else { return "–" }
    let place = Place(
      profile: source.profile ?? "", source: source.source, repository: source.repository)
    let counts = counts[place] ?? Array(repeating: 0, count: days)
    let covered = counts.count { $0 > 0 }
    var out =
      "<svg class=\"days\" viewBox=\"0 0 \(days * 6) 16\" width=\"\(days * 6)\" height=\"16\" role=\"img\" aria-label=\"snapshots on \(covered) of \(days) days\">"
    for (index, count) in counts.enumerated() {
      out +=
        count > 0
        ? "<rect x=\"\(index * 6)\" y=\"2\" width=\"4\" height=\"12\" rx=\"1\"/>"
        : "<rect class=\"none\" x=\"\(index * 6)\" y=\"7\" width=\"4\" height=\"2\"/>"
    }
    return out + "</svg>"
  }
}
