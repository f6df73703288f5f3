import VarveCrypto
import VarveFormat
import VarveProof

/// A directory of 1,000 files: encoding, decoding, and its proof root.
func treeBenchmarks() throws {
  let count = 1000
  let entries = (0..<count).map { number in
    let size = 1000 + number
    return TreeEntry(
      name: Array("file-\(10_000 + number).swift".utf8),
      attributes: EntryAttributes(
        type: .file, mode: 0o644, uid: 1000, gid: 1000,
        modified: FileTime(seconds: 1_600_000_000 + Int64(number), nanoseconds: 123_456_789)),
      user: Array("somebody".utf8), group: Array("users".utf8),
      content: .file(
        FileContent(
          size: UInt64(size),
          form: .chunks([
            ChunkReference(address: SHA256.digest(Array("\(number)".utf8)), length: UInt32(size))
          ]), holes: [], digest: SHA256.digest(Array("\(number)".utf8)))))
  }
  let bodies = try entries.map { try $0.encode() }
  var node: [UInt8] = []
  var writer = TreeNodeWriter()
  let store: TreeNodeWriter.Store = { bytes in
    node = Array(bytes)
    return SHA256.digest(bytes)
  }
  func encode() throws {
    writer.reset()
    for body in bodies { try body.withUnsafeBytes { try writer.append($0, store: store) } }
    keep(try writer.finish(store: store))
  }
  try measure("tree entry, encode", .operations(count)) {
    for entry in entries { keep(try entry.encode()) }
  }
  try measure("tree node, per entry of 1,000, with its address", .operations(count), encode)
  let proofKey = HMACSHA256(key: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
  let digest = SHA256.digest(Array("content".utf8))
  var root = ProofRootBuilder(proofKey: proofKey)
  measure("proof root, per entry of 1,000", .operations(count)) {
    root.removeAll()
    for body in bodies {
      body.withUnsafeBytes { body in
        root.add(
          body: body, name: UnsafeRawBufferPointer(rebasing: body[1..<17]),
          meta: UnsafeRawBufferPointer(rebasing: body[17..<60]),
          content: .file(size: 1000, digest: digest))
      }
    }
    keep(root.root)
  }
  try node.withUnsafeBytes { bytes in
    try measure("tree node, read an entry", .operations(count)) {
      var reader = try TreeNodeReader(bytes)
      while let entry = try reader.nextEntry() { keep(entry) }
    }
    try measure("tree node, read and decode an entry", .operations(count)) {
      var reader = try TreeNodeReader(bytes)
      while let entry = try reader.nextEntry() { keep(try entry.decode()) }
    }
  }
}
