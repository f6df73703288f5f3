import Varve
import VarveFormat

/// The timeline of an audit as a picture: a row for each lane, a bar for each part of the period in which something
/// happened, the taller the more. Broken links are triangles.
struct AuditDrawing {
  private static let width = 1000
  private static let labels = 208
  private static let row = 30
  private static let top = 8

  private let timeline: AuditTimeline

  init(_ timeline: AuditTimeline) { self.timeline = timeline }

  func draw(into page: inout HTMLText) {
    let height = Self.top + timeline.lanes.count * Self.row + 26
    page.raw(
      "<svg viewBox=\"0 0 \(Self.width) \(height)\" role=\"img\" aria-labelledby=\"timeline-title\">"
    )
    page.element("title", "id=\"timeline-title\"", title)
    axis(into: &page, bottom: height - 26)
    for (index, lane) in timeline.lanes.enumerated() {
      draw(lane, at: Self.top + index * Self.row, into: &page)
    }
    page.raw("</svg>")
  }

  private var title: String {
    let lanes = timeline.lanes.map { "\(Self.name($0)): \(Self.total($0))" }
    return
      "From \(EntryText.shortTime(timeline.start)) to \(EntryText.shortTime(timeline.end)) UTC. "
      + lanes.joined(separator: "; ")
  }

  private func draw(_ lane: AuditTimeline.Lane, at y: Int, into page: inout HTMLText) {
    let base = y + Self.row - 5
    page.raw("<text x=\"0\" y=\"\(base - 5)\">")
    page.add(Self.name(lane))
    page.raw(
      "</text><text class=\"soft\" x=\"\(Self.labels - 14)\" y=\"\(base - 5)\" text-anchor=\"end\">\(HumanText.grouped(Self.total(lane)))</text>"
    )
    page.raw(
      "<line class=\"rule\" x1=\"\(Self.labels)\" x2=\"\(Self.width)\" y1=\"\(base)\" y2=\"\(base)\"/>"
    )
    let most = lane.counts.max() ?? 0
    guard most > 0 else { return }
    page.raw("<g class=\"\(lane.kind.rawValue)\">")
    for (part, count) in lane.counts.enumerated() where count > 0 {
      let x = position(part)
      if lane.kind == .broken {
        page.raw("<path d=\"M\(HumanText.fixed(x - 3, 1)) \(base) l5.5 -13 l5.5 13 z\">")
        tip(part, count, into: &page)
        page.raw("</path>")
      } else {
        let tall = max(5, (Double(count) / Double(most)).squareRoot() * Double(Self.row - 8))
        page.raw(
          "<rect x=\"\(HumanText.fixed(x, 1))\" y=\"\(HumanText.fixed(Double(base) - tall, 1))\" width=\"\(HumanText.fixed(max(2, step - 1), 1))\" height=\"\(HumanText.fixed(tall, 1))\" rx=\"1\">"
        )
        tip(part, count, into: &page)
        page.raw("</rect>")
      }
    }
    page.raw("</g>")
  }

  private func tip(_ part: Int, _ count: UInt32, into page: inout HTMLText) {
    page.element("title", "", "\(EntryText.shortTime(time(of: Double(part)))): \(count)")
  }

  private var step: Double {
    Double(Self.width - Self.labels) / Double(AuditTimeline.partCount)
  }

  private func position(_ part: Int) -> Double { Double(Self.labels) + Double(part) * step }

  private func time(of part: Double) -> Timestamp {
    let span = Double(timeline.end.seconds - timeline.start.seconds)
    let offset = (span * part / Double(AuditTimeline.partCount)).rounded(.down)
    return Timestamp(seconds: timeline.start.seconds + Int64(offset))
  }

  /// Some six dates, at midnight UTC where the period is of days.
  private func axis(into page: inout HTMLText, bottom: Int) {
    let start = timeline.start.seconds
    let span = max(timeline.end.seconds - start, 1)
    let hours = span < 4 * 86_400
    let unit: Int64 = hours ? 3600 : 86_400
    let pitch = max((span / unit + 5) / 6, 1) * unit
    // A period of a few hours has no mark but its beginning and its end.
    var marks = span < 6 * 3600 ? [start] : []
    if marks.isEmpty {
      var mark = (start + unit - 1) / unit * unit
      while mark <= timeline.end.seconds {
        marks.append(mark)
        mark += pitch
      }
    } else {
      marks.append(timeline.end.seconds)
    }
    for mark in marks {
      let share = Double(mark - start) / Double(span)
      let x = Double(Self.labels) + share * Double(Self.width - Self.labels)
      let at = HumanText.fixed(x, 1)
      page.raw(
        "<line class=\"rule\" x1=\"\(at)\" x2=\"\(at)\" y1=\"\(Self.top)\" y2=\"\(bottom + 5)\"/>")
      let civil = Timestamp(seconds: mark).civil
      let label = hours ? "\(civil.dateText) \(civil.timeText.prefix(5))" : civil.dateText
      let anchor = share > 0.93 ? "end" : share < 0.03 ? "start" : "middle"
      page.raw(
        "<text class=\"soft\" x=\"\(at)\" y=\"\(bottom + 20)\" text-anchor=\"\(anchor)\">\(label)</text>"
      )
    }
  }

  static func name(_ lane: AuditTimeline.Lane) -> String {
    switch lane.kind {
    case .snapshots: lane.source.map { "snapshots of \($0.hex.prefix(8))" } ?? "snapshots of others"
    case .forgotten: "forgotten"
    case .checks: "checks"
    case .receipts: "receipts"
    case .deletions: "condemned, swept"
    case .changes: "policies, holds, keys"
    case .broken: "broken links"
    }
  }

  static func total(_ lane: AuditTimeline.Lane) -> UInt64 {
    lane.counts.reduce(0) { $0 + UInt64($1) }
  }
}
