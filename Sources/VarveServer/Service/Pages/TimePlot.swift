import VarveFormat

/// A picture over time: an axis of dates, lanes of marks, or one curve. Everything in it is also said in its text.
struct TimePlot {
  static let width = 960.0
  private static let labels = 170.0

  let start: Int64
  let end: Int64
  /// Room for names on the left.
  let left: Double

  /// - Parameter times: what has to be seen; a day around it when it is one moment.
  init(_ times: some Sequence<Int64>, hasLabels: Bool) {
    let first = times.min() ?? 0
    let last = times.max() ?? first
    let room = max((last - first) / 50, 1800)
    start = first - room
    end = last + room
    left = hasLabels ? Self.labels : 112
  }

  func x(_ time: Int64) -> Double {
    left + (Self.width - left - 8) * Double(time - start) / Double(max(1, end - start))
  }

  static func text(_ value: Double) -> String { HumanText.fixed(value, 1) }

  func open(
    _ page: inout HTMLText, id: String, height: Int, title: String, description: String
  ) {
    page.raw(
      "<svg class=\"plot\" viewBox=\"0 0 \(Int(Self.width)) \(height)\" role=\"img\" aria-labelledby=\"\(id)-title \(id)-text\">"
    )
    page.element("title", "id=\"\(id)-title\"", title)
    page.element("desc", "id=\"\(id)-text\"", description)
  }

  /// Dates along the bottom, at midnight where there are days between them.
  ///
  /// - Parameter marks: how many, about.
  func axis(_ page: inout HTMLText, top: Int, bottom: Int, marks: Int64 = 7) {
    let span = end - start
    let isShort = span < 3 * 86_400
    let unit: Int64 = isShort ? 3600 : 86_400
    let pitch = max((span / unit + marks - 1) / marks, 1) * unit
    let offset = Int64(WallClockOffset.at(start))
    var mark = (start + offset + pitch - 1) / pitch * pitch - offset
    while mark <= end {
      let at = Self.text(x(mark))
      page.raw(
        "<line class=\"grid\" x1=\"\(at)\" x2=\"\(at)\" y1=\"\(top)\" y2=\"\(bottom + 4)\"/>")
      let label =
        isShort
        ? String(PageText.plainTime(Timestamp(seconds: mark)).dropFirst(5)) : PageText.date(mark)
      let anchor = x(mark) > Self.width - 70 ? "end" : x(mark) < left + 30 ? "start" : "middle"
      page.raw(
        "<text class=\"tick\" x=\"\(at)\" y=\"\(bottom + 18)\" text-anchor=\"\(anchor)\">\(label)</text>"
      )
      mark += pitch
    }
  }

  struct Lane {
    enum Shape { case bar, dot, cross, diamond }
    struct Mark {
      var time: Int64
      var shape: Shape
    }
    var name: String
    var marks: [Mark]
  }

  static let laneHeight = 24

  /// Rows of marks with their names on the left.
  func lanes(_ lanes: [Lane], _ page: inout HTMLText) {
    axis(&page, top: 4, bottom: 8 + lanes.count * Self.laneHeight)
    for (index, lane) in lanes.enumerated() {
      let middle = 8 + index * Self.laneHeight + Self.laneHeight / 2
      page.raw("<text class=\"lane\" x=\"0\" y=\"\(middle + 4)\">")
      let name = Array(lane.name)
      page.add(name.count > 24 ? String(name.prefix(23)) + "…" : lane.name)
      page.raw("</text>")
      page.raw(
        "<line class=\"rule\" x1=\"\(Self.text(left))\" x2=\"\(Int(Self.width) - 8)\" y1=\"\(middle)\" y2=\"\(middle)\"/>"
      )
      // What lies on the same spot is drawn once.
      var last: Double?
      for mark in lane.marks.sorted(by: { $0.time < $1.time }) {
        let place = x(mark.time)
        if mark.shape == .bar, let last, place - last < 1 { continue }
        last = place
        page.raw(Self.drawing(mark.shape, place, Double(middle)))
      }
    }
  }

  private static func drawing(_ shape: Lane.Shape, _ x: Double, _ y: Double) -> String {
    switch shape {
    case .bar:
      "<rect class=\"ink\" x=\"\(text(x - 1))\" y=\"\(text(y - 7))\" width=\"2\" height=\"14\"/>"
    case .dot: "<circle class=\"ink\" cx=\"\(text(x))\" cy=\"\(text(y))\" r=\"4\"/>"
    case .diamond:
      "<path class=\"hollow\" d=\"M\(text(x)) \(text(y - 5)) l5 5 l-5 5 l-5 -5 z\"/>"
    case .cross:
      "<path class=\"cross\" d=\"M\(text(x - 4)) \(text(y - 4)) l8 8 m0 -8 l-8 8\"/>"
    }
  }

  struct Point {
    var time: Int64
    var value: Double
    var isBad = false
  }

  /// A curve with its scale from 0 on the left.
  ///
  /// - Parameters:
  ///   - target: a line across.
  ///   - isStepped: whether a value holds until the next one.
  func curve(
    _ points: [Point], _ page: inout HTMLText, top: Double, bottom: Double,
    target: Double? = nil, isStepped: Bool, scale: (Double) -> String
  ) {
    axis(&page, top: Int(top), bottom: Int(bottom) + 6, marks: 4)
    let most = max(points.map(\.value).max() ?? 0, target ?? 0, 1e-9) * 1.08
    func y(_ value: Double) -> Double { bottom - (bottom - top) * value / most }
    for part in [0.0, 0.5, 1] {
      let value = most / 1.08 * part
      page.raw(
        "<line class=\"grid\" x1=\"\(Self.text(left))\" x2=\"\(Int(Self.width) - 8)\" y1=\"\(Self.text(y(value)))\" y2=\"\(Self.text(y(value)))\"/>"
      )
      page.raw(
        "<text class=\"tick\" x=\"\(Self.text(left - 6))\" y=\"\(Self.text(y(value) + 4))\" text-anchor=\"end\">"
      )
      page.add(scale(value))
      page.raw("</text>")
    }
    var way = ""
    for (index, point) in points.enumerated() {
      let (px, py) = (Self.text(x(point.time)), Self.text(y(point.value)))
      way += index == 0 ? "M\(px) \(py)" : isStepped ? "H\(px)V\(py)" : "L\(px) \(py)"
    }
    if isStepped, let first = points.first, let last = points.last {
      let base = Self.text(bottom)
      page.raw(
        "<path class=\"area\" d=\"\(way)H\(Self.text(x(last.time)))V\(base)H\(Self.text(x(first.time)))z\"/>"
      )
    }
    page.raw("<path class=\"curve\" d=\"\(way)\"/>")
    if let target {
      let at = Self.text(y(target))
      page.raw(
        "<line class=\"target\" x1=\"\(Self.text(left))\" x2=\"\(Int(Self.width) - 8)\" y1=\"\(at)\" y2=\"\(at)\"/>"
      )
      page.raw(
        "<text class=\"tick\" x=\"\(Int(Self.width) - 10)\" y=\"\(Self.text(y(target) - 5))\" text-anchor=\"end\">target</text>"
      )
    }
    guard !isStepped || points.count < 3 else { return }
    for point in points {
      page.raw(Self.drawing(point.isBad ? .cross : .dot, x(point.time), y(point.value)))
    }
  }
}
