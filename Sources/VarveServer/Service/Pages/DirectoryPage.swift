import Hummingbird
import Varve
import VarveFormat
import VarveRepository

/// A directory of a snapshot.
struct DirectoryPage {
  static let pageSize = 1_000

  struct Listing: Sendable {
    var title: String
    var snapshot: Digest
    var time: Timestamp
    var path: SnapshotPath
    var entries: [TreeEntry]
    /// The name of the last one, where there are more.
    var next: [UInt8]?
    var total: UInt64
  }

  let repository: String
  let listing: Listing
  let user: String?

  /// Reads a page of a directory.
  ///
  /// - Parameter after: only names behind this one.
  /// - Throws: `VarveError.Code.notFound`, and what reading throws.
  static func listing(
    _ shelf: RepositoryShelf, _ id: String, path: [UInt8], after: [UInt8]?
  ) throws -> Listing {
    let (repository, snapshot) = try shelf.snapshot(id)
    let reader = try repository.makeReader()
    let place = SnapshotPath(path)
    let directory = try TreeLookup.directory(
      at: place, below: snapshot.record.rootDirectory, from: reader)
    let cursor = try DirectoryCursor(directory, from: reader)
    if let after { try after.withUnsafeBytes { try cursor.seek($0) } }
    var entries: [TreeEntry] = []
    var next: [UInt8]?
    while let entry = try cursor.peek() {
      if let after, entry.name.elementsEqual(after) {
        cursor.advance()
        continue
      }
      guard entries.count < pageSize else {
        next = entries.last?.name
        break
      }
      entries.append(try entry.decode())
      cursor.advance()
    }
    let host = ByteText.printable(snapshot.record.host)
    return Listing(
      title: "\(snapshot.id.hex.prefix(8)) of \(host)", snapshot: snapshot.id,
      time: snapshot.record.time, path: place, entries: entries, next: next,
      total: directory.entryCount)
  }

  var response: Response {
    PageFrame(title: "\(listing.path) in \(listing.snapshot.hex.prefix(8))", user: user).response {
      page in
      page.element("h1", "", "Snapshot \(listing.title)")
      page.raw("<p class=\"sub\">Taken ")
      page.raw(PageText.time(listing.time))
      page.raw("; of ")
      page.raw(
        HTMLText.link("/repositories/" + PercentEncoding.encode(repository.utf8), repository))
      page.raw("</p>\n")
      crumbs(&page)
      table(&page)
    }
  }

  private var base: String {
    "/repositories/\(PercentEncoding.encode(repository.utf8))/snapshots/\(listing.snapshot.hex)"
  }

  private func address(_ path: [UInt8]) -> String {
    "\(base)?path=\(PercentEncoding.encode(path))"
  }

  private func crumbs(_ page: inout HTMLText) {
    page.raw("<nav aria-label=\"Path\"><ol class=\"crumbs\">\n")
    let components = listing.path.components
    for depth in 0...components.count {
      let path = SnapshotPath(components: Array(components.prefix(depth)))
      let name = depth == 0 ? "root" : ByteText.printable(components[depth - 1])
      page.raw("<li>")
      if depth == components.count {
        page.element("span", "aria-current=\"page\"", name)
      } else {
        page.raw(HTMLText.link(address(path.bytes), name))
      }
      page.raw("</li>\n")
    }
    page.raw("</ol></nav>\n")
  }

  private func table(_ page: inout HTMLText) {
    guard !listing.entries.isEmpty else {
      page.raw("<p>This directory is empty.</p>\n")
      return
    }
    page.table(
      "Entries of \(listing.path)",
      [("Name", ""), ("Kind", ""), ("Size", "number"), ("Modified", ""), ("Mode", "mono")],
      listing.entries.map(row))
    if let next = listing.next {
      page.raw("<p>")
      page.raw(
        HTMLText.link(
          address(listing.path.bytes) + "&after=" + PercentEncoding.encode(next), "More entries"))
      page.add(" of \(PageText.count(Int64(clamping: listing.total)))")
      page.raw("</p>\n")
    }
  }

  private func row(_ entry: TreeEntry) -> [String] {
    let path = SnapshotPath(components: listing.path.components + [entry.name]).bytes
    let name = ByteText.printable(entry.name)
    let link: String
    let kind: String
    var size = "–"
    switch entry.content {
    case .directory:
      link = HTMLText.link(address(path), name + "/")
      kind = "directory"
    case .file(let content):
      link = HTMLText.link("\(base)/file?path=\(PercentEncoding.encode(path))", name)
      kind = "file"
      size = PageText.bytes(Int64(clamping: content.size))
    case .link(let target):
      link = HTMLText.cell(name + " → " + ByteText.printable(target))
      kind = "link"
    case .device:
      link = HTMLText.cell(name)
      kind = "device"
    case .none:
      link = HTMLText.cell(name)
      kind = "FIFO"
    }
    let mode = String(entry.attributes.mode & 0o7777, radix: 8)
    return [
      link, kind, size,
      PageText.time(Timestamp(seconds: entry.attributes.modified.seconds)), mode,
    ]
  }
}
