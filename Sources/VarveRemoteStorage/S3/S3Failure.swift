import VarveFormat

/// An error as S3 puts it into a body, also into one of status 200.
package struct S3Failure: Equatable {
  /// Such as `NoSuchKey`; stable, as messages are not.
  package let code: String
  package let message: String
  /// The region that the service would have the request signed for, where it says so.
  package let region: String?

  /// Nil for a body that is no S3 error: of a HEAD, of a proxy.
  package init?(_ bytes: [UInt8]) {
    guard let document = try? S3Document(bytes, "an answer"), document.name == "Error",
      let code = document.text("Code"), !code.isEmpty
    else { return nil }
    self.code = ByteText.printable(String(code.prefix(100)))
    message = ByteText.printable(String((document.text("Message") ?? "").prefix(300)))
    region = document.text("Region")
  }
}

extension VarveError {
  /// What an answer means that is none of those that were hoped for: `unavailable` where it may help to ask again, `forbidden`
  /// where it says nothing of an object, but something of who asks.
  ///
  /// - Parameters:
  ///   - location: the store.
  ///   - what: what was asked, as in "PUT config".
  init(_ answer: HTTPExchange.Answer, to what: String, at location: String) {
    let failure = S3Failure(answer.body)
    let name = failure?.code ?? "HTTP status \(answer.status)"
    let said = failure.flatMap { $0.message.isEmpty ? nil : ": \($0.message)" } ?? ""
    let (code, hint) = Self.meaning(of: name, answer, failure)
    self.init(code, "\(location) refuses \(what): \(name)\(said)", hint: hint)
  }

  private static func meaning(
    of name: String, _ answer: HTTPExchange.Answer, _ failure: S3Failure?
  ) -> (Code, String) {
    switch name {
    case "SignatureDoesNotMatch":
      return (.forbidden, "the secret access key is not the one that belongs to the access key id")
    case "InvalidAccessKeyId":
      return (.forbidden, "the service does not know the access key id")
    case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
      return (
        .forbidden,
        "the session token has ended or is not valid; renew the temporary credentials"
      )
    case "RequestTimeTooSkewed", "RequestExpired":
      let theirs = answer.header("date").flatMap { HTTPDate.parse($0) }
      let difference = theirs.map { HTTPDate.now().seconds &- $0.seconds }
      return (
        .forbidden,
        "this machine's clock is wrong" + (difference.map { " by \($0) seconds" } ?? "")
          + "; set it, for instance by NTP"
      )
    case "AccessDenied", "AllAccessDisabled", "AccountProblem", "HTTP status 403":
      return (
        .forbidden,
        "the bucket's policy or the credentials' do not allow it; a service also answers so for what is "
          + "not there when the bucket may not be listed (docs/storage-s3.md has a policy that suffices)"
      )
    case "NoSuchBucket":
      return (.noRepository, "make the bucket first, or correct its name")
    case "InvalidBucketName":
      return (.usage, "correct the bucket's name")
    case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
      "IllegalLocationConstraintException", "HTTP status 301", "HTTP status 307":
      let region = answer.header("x-amz-bucket-region") ?? failure?.region
      let named = region.flatMap { S3Region.isValid($0) ? "in the region \($0)" : nil }
      return (
        .forbidden,
        "the bucket is \(named ?? "in another region"); set AWS_REGION to it, and name that region's host or none"
      )
    case "InvalidObjectState":
      return (.io, "the object is in cold storage; have it restored there first")
    case "QuotaExceeded", "InsufficientCapacity", "XMinioStorageFull", "TooManyObjects":
      return (.io, "the store has no room; make some, and run the command again")
    case "NotImplemented", "HTTP status 501":
      return (.io, "the service does not know how to do it")
    case "SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling",
      "ConditionalRequestConflict", "OperationAborted", "BadDigest", "InvalidDigest",
      "XAmzContentSHA256Mismatch", "IncompleteBody", "NoSuchUpload", "InvalidPart":
      return (.unavailable, "the service asks to come again; try later")
    default: break
    }
    // Who asked on a condition takes 412 for an answer; to others it says nothing.
    if answer.status >= 500 || [408, 409, 412, 425, 429].contains(answer.status) {
      return (.unavailable, "the service asks to come again; try later")
    }
    return (.io, "see what the service's operator says of it")
  }
}
