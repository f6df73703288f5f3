internal import VarveCrypto
public import VarveFormat
public import VarveProof
public import VarveStorage

/// Fetches content that a file proof releases, from a repository to which there is no key, and verifies it
/// (docs/format.md, section 15.1). Memory is that of one block.
public final class ReleasedContentReader {
  private static let zeroes = [UInt8](repeating: 0, count: 1 << 20)

  private let storage: any StorageBackend
  private let repository: Digest
  private let decompressor: BlockDecompressor

  /// - Parameter repository: its id.
  public init(storage: any StorageBackend, repository: Digest) throws {
    self.storage = storage
    self.repository = repository
    decompressor = try BlockDecompressor()
  }

  /// Gives `output` the content in order and verifies that it is what the proof shows. What was given out counts only
  /// when this returns.
  ///
  /// - Throws: `.unproved` when a block or the whole is not what the proof says; `.missing` for a pack that is not there;
  ///   what `output` throws.
  public func read(
    _ content: ReleasedContent, size: UInt64, digest: Digest,
    to output: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try content.requireSound(size: size)
    let stream = SHA256Stream()
    var done: UInt64 = 0
    func put(_ bytes: UnsafeRawBufferPointer) throws {
      stream.update(bytes)
      try output(bytes)
      done += UInt64(bytes.count)
    }
    func putZeroes(_ count: UInt64) throws {
      var left = count
      while left > 0 {
        let part = Int(min(left, UInt64(Self.zeroes.count)))
        try Self.zeroes.withUnsafeBytes {
          try put(UnsafeRawBufferPointer(rebasing: $0[..<part]))
        }
        left -= UInt64(part)
      }
    }
    var holes = content.holes[...]
    var payload: [UInt8] = []
    var current: Int?
    for chunk in content.chunks {
      if current != chunk.block {
        payload = try block(content.blocks[chunk.block])
        current = chunk.block
      }
      let range = Int(chunk.offset)..<Int(chunk.offset) + Int(chunk.length)
      guard range.upperBound <= payload.count else {
        throw VarveError(.unproved, "block \(chunk.block + 1) is shorter than the proof says")
      }
      try payload.withUnsafeBytes { payload in
        let bytes = UnsafeRawBufferPointer(rebasing: payload[range])
        guard SHA256.digest(bytes) == chunk.digest else {
          throw VarveError(
            .unproved, "block \(chunk.block + 1) has not the chunk \(chunk.digest)")
        }
        // A chunk goes on behind a hole.
        var rest = bytes
        while let hole = holes.first, hole.offset - done <= UInt64(rest.count) {
          let part = Int(hole.offset - done)
          try put(UnsafeRawBufferPointer(rebasing: rest[..<part]))
          rest = UnsafeRawBufferPointer(rebasing: rest[part...])
          try putZeroes(hole.length)
          holes.removeFirst()
        }
        try put(rest)
      }
    }
    for hole in holes { try putZeroes(hole.length) }
    guard done == size, stream.finish() == digest else {
      throw VarveError(.unproved, "the content is not that of which the proof shows the digest")
    }
  }

  private func block(_ block: ReleasedContent.Block) throws -> [UInt8] {
    let name = ObjectName.pack(block.pack)
    let sealed: [UInt8]
    do {
      sealed = try storage.read(name, offset: UInt64(block.offset), count: Int(block.length))
    } catch let error as VarveError where error.code == .missing {
      throw VarveError(
        .missing, "\(name) is not in \(storage.location)",
        hint: "a prune may have moved its content since the proof was made: have a new one made",
        cause: error)
    }
    do {
      var binding = BlockBinding(repository: repository, type: .data)
      binding.select(block.ordinal)
      let frame = try AES256GCM(key: SecretBytes(copying: block.key)).open(
        nonce: binding.nonce, aad: binding.associatedData, ciphertext: sealed)
      return try frame.withUnsafeBytes { frame in
        let count = try decompressor.payloadLength(of: frame)
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
          try decompressor.decode(frame, into: UnsafeMutableRawBufferPointer(buffer))
          filled = count
        }
      }
    } catch let error as VarveError {
      throw VarveError(
        .unproved, "\(name) has not, in block \(block.ordinal), what the released key opens",
        cause: error)
    }
  }
}
