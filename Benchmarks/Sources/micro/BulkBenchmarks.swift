import VarveChunking
import VarveCrypto
import VarveFormat

/// What every byte of a backup passes through: chunker, hash, seal.
func bulkBenchmarks() throws {
  let data = patternless(64 << 20)
  let key = SecretBytes(copying: [UInt8](repeating: 7, count: 32))
  let chunker = Chunker(
    parameters: .standard, table: GearTable(words: GearKeySchedule.words(chunkerKey: key)))
  try data.withUnsafeBytes { data in
    measure("chunker, 64 MiB", .bytes(data.count)) {
      var rest = data
      while !rest.isEmpty {
        rest = UnsafeRawBufferPointer(rebasing: rest[chunker.cut(rest)...])
      }
    }
    for size in [4 << 10, 1 << 20] {
      let piece = UnsafeRawBufferPointer(rebasing: data[..<size])
      measure("SHA-256, \(size >> 10) KiB", .bytes(size)) { keep(SHA256.digest(piece)) }
    }
    let short = UnsafeRawBufferPointer(rebasing: data[..<64])
    measure("SHA-256, 64 bytes", .operations(1)) { keep(SHA256.digest(short)) }
    let mac = HMACSHA256(key: key)
    measure("HMAC-SHA-256, 64 bytes", .operations(1)) { keep(mac.authenticate(short)) }
    let hash = SHA256Stream()
    measure("SHA-256 stream, 64 MiB in pieces of 128 KiB", .bytes(data.count)) {
      for start in stride(from: 0, to: data.count, by: 128 << 10) {
        hash.update(UnsafeRawBufferPointer(rebasing: data[start..<start + (128 << 10)]))
      }
      keep(hash.finish())
    }
    let cipher = try AES256GCM(key: key)
    let sealed = UnsafeMutableRawBufferPointer.allocate(byteCount: (1 << 20) + 16, alignment: 64)
    defer { sealed.deallocate() }
    let block = UnsafeRawBufferPointer(rebasing: data[..<(1 << 20)])
    let nonce = UnsafeRawBufferPointer(rebasing: data[..<12])
    try measure("AES-256-GCM seal, 1 MiB", .bytes(block.count)) {
      try cipher.seal(nonce: nonce, aad: short, plaintext: block, into: sealed)
    }
    let opened = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { opened.deallocate() }
    try measure("AES-256-GCM open, 1 MiB", .bytes(block.count)) {
      try cipher.open(
        nonce: nonce, aad: short, ciphertext: UnsafeRawBufferPointer(sealed), into: opened)
    }
  }
}
