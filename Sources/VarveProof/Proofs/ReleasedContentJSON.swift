// The member `content` of a file in a file proof (docs/format.md, section 15.1).

import VarveFormat

extension ReleasedContent {
  var json: JSONValue {
    var members: [String: JSONValue] = [
      "blocks": .array(
        blocks.map {
          [
            "key": .string(Hex.encode($0.key)), "length": .count(UInt64($0.length)),
            "offset": .count(UInt64($0.offset)), "ordinal": .count(UInt64($0.ordinal)),
            "pack": .digest($0.pack),
          ]
        }),
      "chunks": .array(
        chunks.map {
          [
            "block": .count(UInt64($0.block)), "digest": .digest($0.digest),
            "length": .count(UInt64($0.length)), "offset": .count(UInt64($0.offset)),
          ]
        }),
    ]
    if !holes.isEmpty {
      members["holes"] = .array(
        holes.map { ["length": .count($0.length), "offset": .count($0.offset)] })
    }
    return .object(members)
  }

  init(_ json: JSONValue) throws {
    try json.requireOnly(["blocks", "chunks", "holes"])
    blocks = try json.array("blocks").map { block in
      try block.requireOnly(["key", "length", "offset", "ordinal", "pack"])
      guard let key = Hex.decode(try block.string("key")), key.count == 32 else {
        throw VarveError(.damaged, "a block's key has not 32 bytes")
      }
      return Block(
        pack: try block.digest("pack"),
        ordinal: try block.bounded("ordinal", to: 0...UInt64(PackLimits.blocks - 1)),
        offset: try block.bounded(
          "offset", to: UInt64(PackHeader.byteCount)...UInt64(PackLimits.packByteCount)),
        length: try block.bounded(
          "length",
          to: UInt64(PackLimits.sealOverhead + 1)...UInt64(PackLimits.storedBlockByteCount)),
        key: key)
    }
    chunks = try json.array("chunks").map { chunk in
      try chunk.requireOnly(["block", "digest", "length", "offset"])
      return Chunk(
        block: Int(try chunk.bounded("block", to: 0...UInt64(Int32.max))),
        offset: try chunk.bounded("offset", to: 0...UInt64(PackLimits.blockPayloadByteCount)),
        length: try chunk.bounded("length", to: 1...UInt64(PackLimits.slotByteCount)),
        digest: try chunk.digest("digest"))
    }
    guard try json.optional("holes") != nil else {
      holes = []
      return
    }
    holes = try json.array("holes").map { hole in
      try hole.requireOnly(["length", "offset"])
      return Hole(offset: try hole.count("offset"), length: try hole.count("length"))
    }
    guard !holes.isEmpty else { throw VarveError(.damaged, "a list of no holes") }
  }

  /// Requires that chunks and holes make up a file of this size, and that every block is used.
  package func requireSound(size: UInt64) throws {
    var used = 0
    var total: UInt64 = 0
    for chunk in chunks {
      guard chunk.block <= used, chunk.block < blocks.count else {
        throw VarveError(.damaged, "a chunk is in a block that is not there")
      }
      used = max(used, chunk.block + 1)
      // Fewer than 2^26 chunks of 2^26 bytes.
      total += UInt64(chunk.length)
    }
    guard used == blocks.count else { throw VarveError(.damaged, "a block has no chunk") }
    var end: UInt64 = 0
    for (number, hole) in holes.enumerated() {
      guard hole.length > 0, hole.offset > end || number == 0, hole.offset >= end,
        hole.offset <= size, hole.length <= size - hole.offset
      else { throw VarveError(.damaged, "the holes are not within the file, or touch") }
      end = hole.offset + hole.length
      total += hole.length
    }
    guard total == size else {
      throw VarveError(.damaged, "chunks and holes do not make the file's size")
    }
  }
}

extension JSONValue {
  fileprivate func bounded(_ key: String, to range: ClosedRange<UInt64>) throws -> UInt32 {
    let value = try count(key)
    guard range.contains(value), let number = UInt32(exactly: value) else {
      throw VarveError(.damaged, "the JSON member \"\(key)\" is out of bounds")
    }
    return number
  }
}
