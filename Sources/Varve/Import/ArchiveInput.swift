import Glibc
internal import VarveCrypto
package import VarveFormat
package import VarveRepository
internal import VarveStorage

/// The bytes of an archive, decompressed as they come. Memory: 256 KiB and the decoder's.
package final class ArchiveInput {
  private static let pieceSize = 256 << 10
  /// Longer than any magic.
  private static let headLength = 6

  private var source: StreamSource
  private let name: String
  private let cancellation: CancellationFlag
  private let stored = SHA256Stream()
  private var buffer = [UInt8](repeating: 0, count: pieceSize)
  private var range = 0..<0
  private var isAtEnd = false
  private var decoder: (any StreamDecoder)?
  /// Bytes given out so far.
  private(set) var position: UInt64 = 0

  /// - Throws: `.io` when it cannot be read, or is compressed in a way that is not known.
  package init(descriptor: Int32, name: String, cancellation: CancellationFlag) throws {
    source = StreamSource(file: descriptor, cancellation: cancellation)
    self.name = name
    self.cancellation = cancellation
    while range.count < Self.headLength, !isAtEnd { try fill() }
    decoder = try Self.decoder(for: buffer[range], name)
  }

  private static func decoder(
    for head: ArraySlice<UInt8>, _ name: String
  ) throws -> (any StreamDecoder)? {
    func begins(_ magic: [UInt8]) -> Bool { head.starts(with: magic) }
    if begins([0x1f, 0x8b]) { return try GzipDecoder() }
    let isSkippable =
      head.count >= 4 && head.first.map { $0 & 0xf0 == 0x50 } == true
      && head.dropFirst().starts(with: [0x2a, 0x4d, 0x18])
    if begins([0x28, 0xb5, 0x2f, 0xfd]) || isSkippable { return try ZstdDecoder() }
    let others: [([UInt8], String)] = [
      (Array("BZh".utf8), "bzip2"), ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz"),
      ([0x04, 0x22, 0x4d, 0x18], "lz4"),
    ]
    for (magic, program) in others where begins(magic) {
      throw VarveError(
        .io, "\(name) is compressed by \(program)",
        hint: "decompress it on the way: \(program) -dc FILE | varve import tar -")
    }
    return nil
  }

  private func fill() throws {
    if range.lowerBound > 0 {
      buffer.replaceSubrange(0..<range.count, with: Array(buffer[range]))
      range = 0..<range.count
    }
    let got = buffer.withUnsafeMutableBytes { bytes in
      source.read(into: bytes.baseAddress! + range.count, bytes.count - range.count, at: 0)
    }
    try cancellation.check()
    guard got >= 0 else {
      throw VarveError(.io, "cannot read \(name): \(SystemError.text(Int32(-got)))")
    }
    if got == 0 { isAtEnd = true }
    let end = range.upperBound
    range = 0..<end + got
    buffer.withUnsafeBytes {
      stored.update(UnsafeRawBufferPointer(rebasing: $0[end..<end + got]))
    }
  }

  /// Reads `output.count` bytes, or to the end.
  ///
  /// - Returns: how many there were.
  /// - Throws: `.io`, also where a compressed stream breaks off; `.interrupted`.
  package func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < output.count {
      if range.isEmpty, !isAtEnd { try fill() }
      let room = UnsafeMutableRawBufferPointer(rebasing: output[done...])
      let (taken, given) = try buffer.withUnsafeBytes { bytes in
        try decode(UnsafeRawBufferPointer(rebasing: bytes[range]), into: room)
      }
      range = range.lowerBound + taken..<range.upperBound
      done += given
      if taken == 0, given == 0, isAtEnd {
        guard decoder?.isAtBoundary ?? true else {
          throw VarveError(
            .io, "\(name) breaks off: its compressed stream is not complete",
            hint: "take a whole copy of the archive")
        }
        break
      }
    }
    position &+= UInt64(done)
    return done
  }

  private func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws -> (taken: Int, given: Int) {
    guard let decoder else {
      let count = min(input.count, output.count)
      output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
      return (count, count)
    }
    do {
      return try decoder.decode(input, into: output)
    } catch let error as VarveError {
      throw VarveError(.io, "\(name): \(error.message)", hint: error.hint)
    }
  }

  /// Reads to the end, so that checksums there are checked and whoever writes it may end.
  ///
  /// - Returns: the SHA-256 of the archive as it is stored, and whether there was anything but zeros.
  package func finish() throws -> (digest: Digest, hasMore: Bool) {
    let hasMore = try withUnsafeTemporaryAllocation(
      byteCount: Self.pieceSize, alignment: 16
    ) { rest in
      var hasMore = false
      while true {
        let count = try read(into: rest)
        hasMore = hasMore || rest[..<count].contains { $0 != 0 }
        if count < rest.count { return hasMore }
      }
    }
    return (stored.finish(), hasMore)
  }
}
