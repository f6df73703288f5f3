/// How much room text takes on a terminal.
package enum TerminalText {
  /// Columns that `text` takes; control characters count as none.
  package static func width(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + width($1) }
  }

  /// The longest beginning of `text` that takes at most `columns` columns; when something is cut
  /// off, the last column shows `…`.
  package static func truncated(_ text: String, to columns: Int) -> String {
    guard width(text) > columns else { return text }
    guard columns > 0 else { return "" }
    var out = String.UnicodeScalarView()
    var used = 0
    for scalar in text.unicodeScalars {
      let next = width(scalar)
      if used + next > columns - 1 { break }
      out.append(scalar)
      used += next
    }
    return String(out) + "…"
  }

  /// The end of `text`, for paths, whose last components say most.
  package static func tail(_ text: String, columns: Int) -> String {
    guard width(text) > columns else { return text }
    guard columns > 0 else { return "" }
    var out: [Unicode.Scalar] = []
    var used = 0
    for scalar in text.unicodeScalars.reversed() {
      let next = width(scalar)
      if used + next > columns - 1 { break }
      out.append(scalar)
      used += next
    }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: out.reversed())
    return "…" + String(view)
  }

  private static func width(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x20..<0x7f: 1
    case 0..<0xa0, 0x300..<0x370, 0x200b...0x200f, 0x202a...0x202e, 0xfe00...0xfe0f, 0xfeff: 0
    case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff,
      0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff,
      0x20000...0x3fffd:
      2
    default: 1
    }
  }
}
