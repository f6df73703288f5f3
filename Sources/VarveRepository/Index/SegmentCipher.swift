package import VarveCrypto
package import VarveFormat
package import VarveStorage

/// Seals and opens index segments (docs/format.md, section 8): frames of 1 MiB, each authenticated with
/// its number under a key that the segment's salt makes its own.
package final class SegmentCipher: Sendable {
  private static let frameLength = IndexSegmentHeader.frameByteCount

  private let indexKey: SecretBytes
  private let repository: Digest

  package init(indexKey: consuming SecretBytes, repository: Digest) {
    self.indexKey = indexKey
    self.repository = repository
  }

  /// The stored bytes of a segment. O(n); twice the plaintext's memory.
  package func seal(_ plain: UnsafeRawBufferPointer) throws -> [UInt8] {
    let header = IndexSegmentHeader(plainLength: UInt64(plain.count), salt: SecureRandom.bytes(32))
    let headerBytes = header.encode()
    let cipher = try cipher(salt: header.salt)
    let frames = (plain.count + Self.frameLength - 1) / Self.frameLength
    var object = [UInt8](
      repeating: 0, count: headerBytes.count + plain.count + frames * BlockCipher.tagLength)
    try object.withUnsafeMutableBytes { object in
      object.copyBytes(from: headerBytes)
      var output = headerBytes.count
      for frame in 0..<frames {
        let start = frame * Self.frameLength
        let length = min(Self.frameLength, plain.count - start)
        try Self.withNonce(frame) { nonce in
          try headerBytes.withUnsafeBytes { data in
            try cipher.seal(
              nonce: nonce, aad: data,
              plaintext: UnsafeRawBufferPointer(rebasing: plain[start..<start + length]),
              into: UnsafeMutableRawBufferPointer(
                rebasing: object[output..<output + length + BlockCipher.tagLength]))
          }
        }
        output += length + BlockCipher.tagLength
      }
    }
    return object
  }

  /// Reads segment `name` from `storage` frame by frame, verifies it against its name and gives each
  /// frame's plaintext to `body` in order.
  ///
  /// - Parameter body: called with the plaintext's whole length and the next stretch of it, valid during the call.
  /// - Throws: `.missing`; `.damaged` for anything but the object that was sealed. What `body` was given
  ///   before is then to be thrown away.
  package func open(
    _ name: Digest, size: UInt64, from storage: any StorageBackend,
    _ body: (_ total: UInt64, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let objectName = ObjectName.index(name)
    let digest = SHA256Stream()
    let headerLength = IndexSegmentHeader.byteCount
    let sealed = try ReusableBuffer(
      capacity: headerLength + Self.frameLength + BlockCipher.tagLength)
    let plain = try ReusableBuffer(capacity: Self.frameLength)
    // With the first frame, which is all that most have.
    let begin = UnsafeMutableRawBufferPointer(
      start: sealed.base,
      count: max(
        headerLength,
        Int(min(size, UInt64(headerLength + Self.frameLength + BlockCipher.tagLength)))))
    try storage.read(objectName, offset: 0, into: begin)
    let headerBytes = Array(begin.prefix(headerLength))
    headerBytes.withUnsafeBytes { digest.update($0) }
    let header: IndexSegmentHeader
    do {
      header = try headerBytes.withUnsafeBytes { try IndexSegmentHeader(decoding: $0) }
    } catch let error as VarveError where error.code == .unsupportedFormat {
      throw VarveError.unknownFormat(of: objectName, error)
    }
    let tag = UInt64(BlockCipher.tagLength)
    let frameLength = UInt64(Self.frameLength)
    guard header.objectByteCount == size else {
      throw VarveError(.damaged, "\(objectName) is damaged: its length is not what its header says")
    }
    let cipher = try cipher(salt: header.salt)
    var offset = UInt64(IndexSegmentHeader.byteCount)
    for frame in 0..<Int(header.frameCount) {
      let length = Int(min(frameLength + tag, size - offset))
      let input: UnsafeMutableRawBufferPointer
      if frame == 0 {
        input = UnsafeMutableRawBufferPointer(
          rebasing: begin[headerLength..<headerLength + length])
      } else {
        input = UnsafeMutableRawBufferPointer(start: sealed.base, count: length)
        try storage.read(objectName, offset: offset, into: input)
      }
      digest.update(UnsafeRawBufferPointer(input))
      let output = UnsafeMutableRawBufferPointer(
        start: plain.base, count: length - BlockCipher.tagLength)
      do {
        try Self.withNonce(frame) { nonce in
          try headerBytes.withUnsafeBytes { data in
            try cipher.open(
              nonce: nonce, aad: data, ciphertext: UnsafeRawBufferPointer(input), into: output)
          }
        }
      } catch {
        throw VarveError(.damaged, "\(objectName) is damaged in frame \(frame)", cause: error)
      }
      try body(header.plainLength, UnsafeRawBufferPointer(output))
      offset += UInt64(length)
    }
    guard digest.finish() == name else {
      throw VarveError(.damaged, "\(objectName) is damaged: its bytes do not have that digest")
    }
  }

  private func cipher(salt: [UInt8]) throws -> AES256GCM {
    try AES256GCM(
      key: HKDF.derive(
        ikm: indexKey, salt: salt,
        info: Array("varve v1 index segment".utf8) + [0] + repository.bytes, count: 32))
  }

  private static func withNonce(
    _ frame: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try withUnsafeTemporaryAllocation(byteCount: 12, alignment: 8) { nonce in
      nonce.storeBytes(of: 0, as: UInt64.self)
      nonce.storeBytes(of: UInt32(frame).littleEndian, toByteOffset: 8, as: UInt32.self)
      try body(UnsafeRawBufferPointer(nonce))
    }
  }
}
