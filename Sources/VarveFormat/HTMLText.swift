/// HTML as it is written: text and attribute values are escaped, and control characters shown as what they are.
package struct HTMLText {
  package private(set) var text = ""

  package init() {}

  /// Markup.
  package mutating func raw(_ markup: String) { text += markup }

  /// Text, or an attribute's value in double quotes.
  package mutating func add(_ content: String) { text += Self.escaped(content) }

  /// An element with nothing but text in it.
  package mutating func element(_ name: String, _ attributes: String = "", _ content: String) {
    raw("<\(name)\(attributes.isEmpty ? "" : " " + attributes)>")
    add(content)
    raw("</\(name)>")
  }

  package static func escaped(_ content: String) -> String {
    var out = ""
    for scalar in ByteText.printable(content).unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
