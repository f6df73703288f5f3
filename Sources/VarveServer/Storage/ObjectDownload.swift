import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import VarveFormat
import VarveStorage

/// Objects on their way out, piece by piece.
enum ObjectDownload {
  private static let pieceSize = 256 << 10

  static let modified = HTTPField.Name("varve-modified")!

  /// The answer to GET or HEAD of an object.
  static func response(
    _ name: String, range header: String?, isHead: Bool, from place: RepositoryPlace,
    on threads: NIOThreadPool
  ) async throws -> Response {
    let opened = try await threads.runIfActive {
      let object = try LocalObject(name, of: place.storage)
      let range = ByteRange(header: isHead ? nil : header, size: object.size)
      let bounds: Range<UInt64>
      switch range {
      case .whole: bounds = 0..<object.size
      case .part(let part): bounds = part
      case .unsatisfiable:
        throw Problem(
          416, "the object has \(object.size) bytes",
          headers: [.contentRange: "bytes */\(object.size)"])
      }
      // The first bytes are read at once: most objects have no more.
      let first = isHead ? ByteBuffer() : try piece(of: object, bounds)
      if !isHead {
        try place.unreadable.tryAgain(name, bounds) {
          _ = try piece(of: object, $0..<bounds.upperBound)
        }
      }
      return (object: object, range: range, bounds: bounds, first: first)
    }
    let object = opened.object
    let bounds = opened.bounds
    let time = object.modificationTime
    let fraction = String(time.nanoseconds)
    var fields: HTTPFields = [
      .contentType: "application/octet-stream", .acceptRanges: "bytes",
      .contentLength: String(bounds.count),
      modified:
        "\(time.seconds).\(String(repeating: "0", count: 9 - fraction.utf8.count))\(fraction)",
    ]
    var status = HTTPResponse.Status.ok
    if case .part = opened.range {
      status = .partialContent
      fields[.contentRange] = "bytes \(bounds.lowerBound)-\(bounds.upperBound - 1)/\(object.size)"
    }
    if isHead { return Response(status: status, headers: fields) }
    let first = opened.first
    guard first.readableBytes < bounds.count else {
      return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: first))
    }
    let body = ResponseBody(contentLength: bounds.count) { writer in
      try await writer.write(first)
      var next = bounds.lowerBound + UInt64(first.readableBytes)
      while next < bounds.upperBound {
        let rest = next..<bounds.upperBound
        let bytes: ByteBuffer
        do {
          bytes = try await threads.runIfActive { try piece(of: object, rest) }
        } catch let error as VarveError {
          place.unreadable.add(name, at: next)
          throw error
        }
        try await writer.write(bytes)
        next += UInt64(bytes.readableBytes)
      }
      try await writer.finish(nil)
    }
    return Response(status: status, headers: fields, body: body)
  }

  private static func piece(of object: LocalObject, _ range: Range<UInt64>) throws -> ByteBuffer {
    let count = min(range.count, pieceSize)
    var buffer = ByteBuffer()
    try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
      try object.read(
        into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]), at: range.lowerBound)
      return count
    }
    return buffer
  }
}
