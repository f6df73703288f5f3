// A large object in parts: CreateMultipartUpload, UploadPart for each, CompleteMultipartUpload; what fails is aborted, since
// parts that nobody completes are paid for until they are removed. At most 10,000 parts, each but the last of 5 MiB at least.
// Each part is sent again by itself, unless the upload is not there any more; the other two requests are not, since they make
// something that a second one would not find.

import VarveCrypto
import VarveFormat
import VarveStorage

extension S3Storage {
  func putInParts(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    var call = S3Service.Call("POST", key: try key(name))
    call.query = [("uploads", "")]
    call.headers = kept(name, bytes) + checksum(name).multipartHeaders
    let begun = try S3Document(try service.send(call).body, "the answer to an upload of \(name)")
    guard let upload = begun.text("UploadId"), !upload.isEmpty else {
      throw VarveError(.io, "\(location) does not say how to go on with an upload of \(name)")
    }
    do {
      if try complete(name, upload, try sendParts(name, bytes, upload)) { return }
    } catch {
      try abort(name, upload)
      throw error
    }
    try abort(name, upload)
    try requireWhole(name)
  }

  private func abort(_ name: String, _ upload: String) throws {
    var call = S3Service.Call("DELETE", key: try key(name))
    call.query = [("uploadId", upload)]
    // What cannot be removed now goes when the bucket's rules say so.
    _ = try? service.send(call, accepting: [404])
  }

  /// - Returns: what `complete` says of each part.
  private func sendParts(
    _ name: String, _ bytes: UnsafeRawBufferPointer, _ upload: String
  ) throws -> [String] {
    let size = max(options.multipartSize, bytes.count / 10_000 + 1, 5 << 20)
    let checksum = checksum(name)
    return try stride(from: 0, to: bytes.count, by: size).enumerated().map { number, start in
      let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + size, bytes.count)])
      var call = S3Service.Call("PUT", key: try key(name))
      call.query = [("partNumber", "\(number + 1)"), ("uploadId", upload)]
      call.headers = checksum.headers(part)
      call.payload = SHA256.digest(part)
      let answer = try options.retry.run {
        let answer = try service.send(call, part, accepting: [404])
        if answer.status != 404 { try requireStored(answer, "a part of \(name)") }
        return answer
      }
      guard answer.status != 404, let tag = answer.header("etag") else {
        throw service.failure(answer, "PUT", name)
      }
      return "<Part>\(checksum.element(part))<ETag>\(S3Document.escaped(tag))</ETag>"
        + "<PartNumber>\(number + 1)</PartNumber></Part>"
    }
  }

  /// - Returns: false when there is an object of that name that must not be replaced.
  private func complete(_ name: String, _ upload: String, _ parts: [String]) throws -> Bool {
    let body = Array(
      ("<CompleteMultipartUpload xmlns=\"\(S3Document.namespace)\">"
        + "\(parts.joined())</CompleteMultipartUpload>").utf8)
    var call = S3Service.Call("POST", key: try key(name))
    call.query = [("uploadId", upload)]
    call.payload = SHA256.digest(body)
    let isNew = options.addsOnly && ObjectName.digest(of: name) != nil
    if isNew { call.headers = [("if-none-match", "*")] }
    let answer = try body.withUnsafeBytes {
      try service.send(call, $0, accepting: isNew ? [412] : [])
    }
    if answer.status == 412 { return false }
    let document = try? S3Document(answer.body, "the answer to an upload of \(name)")
    guard answer.status == 200, document?.name == "CompleteMultipartUploadResult" else {
      throw VarveError(
        .unavailable, "\(location) does not say that it has stored \(name)",
        hint: "see whether the address is that of the S3 service, and no proxy stands between")
    }
    return true
  }
}
