/// Aligned columns, a heading and rules, as `varve snapshots` prints them.
///
/// A cell may have several lines. Widths are counted in terminal columns.
package struct TextTable {
  package enum Alignment: Sendable { case left, right }

  private let headings: [String]
  private let alignments: [Alignment]
  private var rows: [[[String]]] = []

  package init(_ columns: [(heading: String, alignment: Alignment)]) {
    headings = columns.map(\.heading)
    alignments = columns.map(\.alignment)
  }

  package mutating func add(_ cells: [String]) { add(cells.map { [$0] }) }

  /// - Parameter cells: for each column, its lines.
  package mutating func add(_ cells: [[String]]) { rows.append(cells) }

  /// The lines of the table, without trailing blanks.
  package func lines(footer: String? = nil) -> [String] {
    let widths = headings.indices.map { column in
      rows.reduce(TerminalText.width(headings[column])) { widest, row in
        row[column].reduce(widest) { max($0, TerminalText.width($1)) }
      }
    }
    let rule = String(
      repeating: "-", count: widths.reduce(0, +) + 2 * max(0, widths.count - 1))
    var lines = [line(headings, widths), rule]
    for row in rows {
      let height = row.reduce(1) { max($0, $1.count) }
      for index in 0..<height {
        lines.append(line(row.map { index < $0.count ? $0[index] : "" }, widths))
      }
    }
    lines.append(rule)
    if let footer { lines.append(footer) }
    return lines
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var out = ""
    for (column, cell) in cells.enumerated() {
      let blanks = String(repeating: " ", count: widths[column] - TerminalText.width(cell))
      out += alignments[column] == .left ? cell + blanks : blanks + cell
      if column < cells.count - 1 { out += "  " }
    }
    while out.last == " " { out.removeLast() }
    return out
  }
}

extension String {
  /// With blanks behind it up to `columns` columns.
  func padded(to columns: Int) -> String {
    self + String(repeating: " ", count: max(0, columns - TerminalText.width(self)))
  }
}

extension String {
  /// With blanks before it up to `columns` columns.
  func leading(_ columns: Int) -> String {
    String(repeating: " ", count: max(0, columns - TerminalText.width(self))) + self
  }
}
