// S3 Object Lock: `x-amz-object-lock-mode` and `x-amz-object-lock-retain-until-date` on what is stored, and PutObjectRetention for
// what is to be kept longer. What is derived and replaced all the time (log/checkpoint, log/tile/) is not locked.

import VarveCrypto
public import VarveFormat
import VarveStorage

extension S3Storage {
  public var retentionSeconds: Int64? { options.retention?.seconds }

  /// Nil for what is not locked.
  func retention(of name: String) -> Retention? {
    switch ObjectClass(name) {
    case .checkpoint, .tile: nil
    case .config, .credential, .commit, .pack, .index, .snapshot, .inventory, nil:
      options.retention
    }
  }

  func lockHeaders(_ name: String) -> [(name: String, value: String)] {
    guard let retention = retention(of: name) else { return [] }
    let end = Timestamp(seconds: HTTPDate.now().seconds &+ retention.seconds)
    return [
      ("x-amz-object-lock-mode", retention.mode.rawValue.uppercased()),
      ("x-amz-object-lock-retain-until-date", end.utcSeconds),
    ]
  }

  /// Two requests; one when the object is kept until then anyway.
  public func extendRetention(of name: String, until time: Timestamp) throws {
    guard let retention = retention(of: name) else { return }
    guard let head = try head(name) else {
      throw VarveError(.missing, "\(name) is not in \(location)")
    }
    let end = head.header("x-amz-object-lock-retain-until-date").flatMap { Timestamp($0) }
    if let end, end >= time { return }
    // One mode cannot be had back from the other.
    let mode =
      head.header("x-amz-object-lock-mode") == Retention.Mode.compliance.rawValue.uppercased()
      ? .compliance : retention.mode
    let body = Array(
      ("<Retention xmlns=\"\(S3Document.namespace)\"><Mode>\(mode.rawValue.uppercased())</Mode>"
        + "<RetainUntilDate>\(time.utcSeconds)</RetainUntilDate></Retention>").utf8)
    var call = S3Service.Call("PUT", key: try key(name))
    call.query = [("retention", "")]
    call.payload = SHA256.digest(body)
    try body.withUnsafeBytes { bytes in
      call.headers = checksum(name).headers(bytes)
      try service.send(call, bytes)
    }
  }
}
