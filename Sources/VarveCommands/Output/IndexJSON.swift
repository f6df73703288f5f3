import VarveFormat

/// An index segment as JSON, handed over piece by piece: it may have millions of rows.
struct IndexJSON {
  private let view: IndexSegmentView

  init(_ view: IndexSegmentView) { self.view = view }

  func print(on console: Console) throws {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("packs")
    writer.beginArray()
    for number in 0..<view.packCount {
      let pack = try view.pack(at: number)
      let blocks = try view.blocks(ofPack: number).count
      writer.object {
        $0.member("id", pack.name.hex)
        $0.member("size", pack.size)
        $0.member("type", pack.type == .data ? "data" : "tree")
        $0.member("blocks", blocks)
      }
      try hand(over: &writer, console)
    }
    writer.endArray()
    writer.key("blobs")
    writer.beginArray()
    for number in 0..<view.rowCount {
      let row = view.row(at: number)
      writer.object {
        $0.member("id", row.address.hex)
        $0.member("pack", row.location.pack)
        $0.member("block", row.location.block)
        $0.member("slot", row.location.slot)
      }
      try hand(over: &writer, console)
    }
    writer.endArray()
    writer.endObject()
    writer.endLine()
    try console.output.write(writer.take())
  }

  private func hand(over writer: inout JSONWriter, _ console: Console) throws {
    if writer.bytes.count > 64 << 10 { try console.output.write(writer.take()) }
  }
}
