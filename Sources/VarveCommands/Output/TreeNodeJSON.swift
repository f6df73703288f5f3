import VarveFormat

/// A tree node as JSON: the entries of a directory, the parts of a huge one, or a list of chunks.
enum TreeNodeJSON {
  static func print(_ bytes: UnsafeRawBufferPointer, id: Digest, on console: Console) throws {
    var writer = JSONWriter()
    try writer.object { writer in
      writer.member("id", id.hex)
      if let list = try? ChunkListNode(decoding: bytes) {
        writer.key("chunks")
        chunks(list.chunks, into: &writer)
      } else {
        try directory(bytes, into: &writer)
      }
    }
    writer.endLine()
    try console.output.write(writer.bytes)
  }

  private static func directory(
    _ bytes: UnsafeRawBufferPointer, into writer: inout JSONWriter
  ) throws {
    var node = try TreeNodeReader(bytes)
    writer.member("entries", node.entryCount)
    if node.kind == .parts {
      writer.key("parts")
      try writer.array { writer in
        while let part = try node.nextPart() {
          writer.object {
            $0.member("first_name", bytes: Array(part.firstName))
            $0.member("id", part.id.hex)
            $0.member("entries", part.entryCount)
          }
        }
      }
      return
    }
    writer.key("nodes")
    try writer.array { writer in
      while let raw = try node.nextEntry() {
        let entry = try raw.decode()
        writer.object { writer in
          NodeJSON.members(entry, path: nil, into: &writer)
          if case .file(let content) = entry.content { file(content, into: &writer) }
          if case .directory(let content) = entry.content {
            writer.member("root", content.proofRoot.hex)
          }
        }
      }
    }
  }

  private static func file(_ content: FileContent, into writer: inout JSONWriter) {
    switch content.form {
    case .chunks(let list):
      writer.key("chunks")
      chunks(list, into: &writer)
    case .lists(let lists):
      writer.key("chunk_lists")
      writer.array { writer in
        for list in lists {
          writer.object {
            $0.member("id", list.id.hex)
            $0.member("chunks", list.chunks)
            $0.member("bytes", list.byteCount)
          }
        }
      }
    }
    guard !content.holes.isEmpty else { return }
    writer.key("holes")
    writer.array { writer in
      for hole in content.holes {
        writer.object {
          $0.member("offset", hole.offset)
          $0.member("length", hole.length)
        }
      }
    }
  }

  private static func chunks(_ chunks: [ChunkReference], into writer: inout JSONWriter) {
    writer.array { writer in
      for chunk in chunks {
        writer.object {
          $0.member("id", chunk.address.hex)
          $0.member("length", chunk.length)
        }
      }
    }
  }
}
