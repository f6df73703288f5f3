import VarveCrypto
import VarveFormat

extension S3Storage {
  /// Tries on the bucket itself whether the service creates conditionally: two clients could otherwise both believe that they
  /// had appended to the log. Some services ignore the condition, or do so in buckets with versions.
  public func create() throws {
    let nonce = Hex.encode(SecureRandom.bytes(16))
    // No name of a store lies in there, so nothing lists what could not be removed.
    let key = "\(place.prefix)tmp/probe-\(nonce)"
    // Also where it is not known whether it was stored.
    defer { _ = try? service.send(S3Service.Call("DELETE", key: key), accepting: [404]) }
    guard try probe(key, Array("first \(nonce)".utf8)).status != 412 else {
      throw VarveError(.unavailable, "\(location) finds what nobody has stored there")
    }
    guard try probe(key, Array("second \(nonce)".utf8)).status == 412 else { throw unconditional }
  }

  private func probe(_ key: String, _ bytes: [UInt8]) throws -> S3Service.Answer {
    var call = S3Service.Call("PUT", key: key)
    call.payload = SHA256.digest(bytes)
    call.headers = [("if-none-match", "*")]
    return try bytes.withUnsafeBytes { bytes in
      let answer = try service.send(call, bytes, accepting: [412, 501])
      guard answer.status != 501 else { throw unconditional }
      if answer.status != 412 { try requireStored(answer, "an object of a few bytes") }
      return answer
    }
  }

  private var unconditional: VarveError {
    VarveError(
      .refused,
      "\(location) replaces an object that was to be created only if there is none (If-None-Match: *)",
      hint: "varve relies on that when several clients write; use a bucket without versions, "
        + "a newer release of the service, or another store (docs/storage-s3.md)")
  }
}
