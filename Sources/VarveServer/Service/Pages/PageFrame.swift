import Hummingbird
import NIOCore
import VarveFormat

/// What all pages have in common: head, navigation, landmarks.
struct PageFrame {
  enum Place: String, CaseIterable {
    case overview = "Overview"
    case drills = "Drills"
    case audit = "Audit"
    case jobs = "Jobs"

    var path: String { self == .overview ? "/" : "/" + rawValue.lowercased() }
  }

  let title: String
  var place: Place?
  /// Nil where nobody signs in.
  var user: String?
  /// Whether there is anything to go to.
  var hasNavigation = true

  func response(
    status: HTTPResponse.Status = .ok, _ body: (inout HTMLText) -> Void
  ) -> Response {
    var page = HTMLText()
    page.raw(
      """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">

      """)
    page.element("title", "", "\(title) – Varve")
    page.raw(
      """

      <link rel="stylesheet" href="/style.css">
      <link rel="icon" href="/icon.svg" type="image/svg+xml">
      </head>
      <body>
      <a class="skip" href="#main">Skip to content</a>

      """)
    header(&page)
    page.raw("<main id=\"main\" tabindex=\"-1\">\n")
    body(&page)
    page.raw("</main>\n")
    page.raw("<footer><p>")
    page.add("\(ProgramVersion.program). Times are this host's.")
    page.raw("</p></footer>\n</body>\n</html>\n")
    return Response(
      status: status, headers: [.contentType: "text/html; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: page.text)))
  }

  private func header(_ page: inout HTMLText) {
    page.raw("<header class=\"bar\"><div>\n<span class=\"mark\" aria-hidden=\"true\"></span>")
    page.raw("<a class=\"name\" href=\"/\">Varve</a>\n")
    if hasNavigation {
      page.raw("<nav aria-label=\"Main\"><ul>\n")
      for other in Place.allCases {
        let current = other == place ? " aria-current=\"page\"" : ""
        page.raw("<li><a href=\"\(other.path)\"\(current)>\(other.rawValue)</a></li>\n")
      }
      page.raw("</ul></nav>\n")
    }
    if let user {
      page.raw("<form method=\"post\" action=\"/logout\" class=\"leave\"><span>")
      page.add(user)
      page.raw("</span> <button type=\"submit\">Sign out</button></form>\n")
    }
    page.raw("</div></header>\n")
  }
}

extension HTMLText {
  /// A table that scrolls by itself when it is too wide, with a caption that says what it is.
  ///
  /// - Parameters:
  ///   - columns: headings and classes of their cells.
  ///   - rows: markup of the cells; the first of each row heads it.
  mutating func table(
    _ caption: String, _ columns: [(name: String, style: String)], _ rows: [[String]],
    hidesCaption: Bool = true
  ) {
    raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"")
    add(caption)
    raw("\"><table>\n")
    element("caption", hidesCaption ? "class=\"unseen\"" : "", caption)
    raw("\n<thead><tr>")
    for (name, style) in columns {
      element("th", "scope=\"col\"" + (style.isEmpty ? "" : " class=\"\(style)\""), name)
    }
    raw("</tr></thead>\n<tbody>\n")
    for row in rows {
      raw("<tr>")
      for (index, cell) in row.enumerated() {
        let style = columns[index].style
        let kind = style.isEmpty ? "" : " class=\"\(style)\""
        raw(index == 0 ? "<th scope=\"row\"\(kind)>\(cell)</th>" : "<td\(kind)>\(cell)</td>")
      }
      raw("</tr>\n")
    }
    raw("</tbody></table></div>\n")
  }

  /// Text as markup.
  static func cell(_ text: String) -> String { escaped(text) }

  static func link(_ path: String, _ text: String) -> String {
    "<a href=\"\(escaped(path))\">\(escaped(text))</a>"
  }
}
