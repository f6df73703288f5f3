public import VarveCrypto
public import VarveFormat

/// What signs requests to a service that speaks AWS Signature Version 4.
public final class AWSCredentials: Sendable {
  public let accessKeyID: String
  let secretAccessKey: SecretBytes
  /// Of temporary credentials; nil for lasting ones.
  let sessionToken: String?
  /// When temporary credentials end; nil for lasting ones, and where nobody said.
  public let expiration: Timestamp?

  /// - Throws: `VarveError.Code.usage` when a part is empty or has characters that no header may have.
  public init(
    accessKeyID: String, secretAccessKey: consuming SecretBytes, sessionToken: String? = nil,
    expiration: Timestamp? = nil
  ) throws {
    func isHeaderText(_ text: String) -> Bool {
      !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }
    guard isHeaderText(accessKeyID), sessionToken.map(isHeaderText) ?? true,
      secretAccessKey.count > 0
    else {
      throw VarveError(
        .usage, "the access key, its secret or the session token is empty or malformed",
        hint: "look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, "
          + "or the profile in use")
    }
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
    self.sessionToken = sessionToken
    self.expiration = expiration
  }
}
