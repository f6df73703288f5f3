import Glibc
import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

/// A file of a snapshot on its way to a browser: read by a thread of its own through a pipe, so that a slow store or a slow
/// reader holds up nobody else.
struct FileDownload: Sendable {
  private static let pieceSize = 256 << 10

  private let dump: Dump
  private let path: SnapshotPath
  private let name: [UInt8]
  let size: UInt64
  private let cancellation = CancellationFlag()

  /// - Throws: `VarveError.Code.notFound` for what is no file, and what reading throws.
  init(_ shelf: RepositoryShelf, _ id: String, path: [UInt8]) throws {
    let (repository, snapshot) = try shelf.snapshot(id)
    let place = SnapshotPath(path)
    let entry = try TreeLookup.entry(
      at: place, below: snapshot.record.rootDirectory, from: try repository.makeReader())
    guard let entry, case .file(let content) = entry.content else {
      throw VarveError(.notFound, "\(place) is no file")
    }
    self.path = place
    name = entry.name
    size = content.size
    dump = Dump(snapshot.record, cancellation: cancellation, helpers: 2) {
      try repository.makeReader()
    }
  }

  /// - Parameter slot: held until the last byte is out, or nobody wants it any more.
  func response(
    isHead: Bool, _ slot: TransferSlots.Taken, _ threads: NIOThreadPool
  ) -> Response {
    var fields: HTTPFields = [
      .contentType: "application/octet-stream", .contentLength: String(size),
      .contentDisposition: Self.disposition(name),
    ]
    // What is downloaded is never run as a page of this service.
    fields[HTTPField.Name("cross-origin-resource-policy")!] = "same-origin"
    guard !isHead else { return Response(status: .ok, headers: fields) }
    // Nothing is opened for a body that is never asked for: the connection may be gone by now.
    let body = ResponseBody(contentLength: Int(clamping: size)) { writer in
      defer { withExtendedLifetime(slot) {} }
      let reading = try start()
      defer {
        cancellation.cancel()
        close(reading)
      }
      try await withTaskCancellationHandler {
        var done: UInt64 = 0
        while done < size {
          let piece = try await threads.runIfActive { Self.read(reading) }
          guard piece.readableBytes > 0 else {
            throw VarveError(.io, "the file could not be read to its end")
          }
          done += UInt64(piece.readableBytes)
          try await writer.write(piece)
        }
      } onCancel: {
        // A store that has no answer for a long time holds up nobody who wants to end.
        cancellation.cancel()
      }
      try await writer.finish(nil)
    }
    return Response(status: .ok, headers: fields, body: body)
  }

  /// Has a thread of its own write the file into a pipe.
  ///
  /// - Returns: the end to read from, which is the caller's to close.
  private func start() throws -> Int32 {
    let pipe = try Pipe()
    let (writing, dump, path) = (pipe.writing, dump, path)
    let hasStarted = WorkerThreads.start {
      let output = DescriptorOutput(descriptor: writing, name: "the download")
      // What fails shows as an end that comes too early.
      try? dump.writeFile(at: path, to: output)
      try? output.flush()
      close(writing)
    }
    guard hasStarted else {
      close(pipe.reading)
      close(writing)
      throw VarveError(.io, "there is no thread for a download")
    }
    return pipe.reading
  }

  private static func read(_ descriptor: Int32) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: pieceSize) { bytes in
      while true {
        let count = Glibc.read(descriptor, bytes.baseAddress, bytes.count)
        if count < 0 && errno == EINTR { continue }
        return max(0, count)
      }
    }
    return buffer
  }

  /// An attachment of that name (RFC 6266): letters and digits for all, and the bytes themselves, encoded, for who can.
  static func disposition(_ name: [UInt8]) -> String {
    let plain = name.map { byte -> UInt8 in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"):
        byte
      default: UInt8(ascii: "_")
      }
    }
    var text = "attachment; filename=\"\(String(decoding: plain, as: UTF8.self))\""
    if plain != name, ByteText.isUTF8(name) {
      text += "; filename*=UTF-8''" + PercentEncoding.encode(name)
    }
    return text
  }
}
