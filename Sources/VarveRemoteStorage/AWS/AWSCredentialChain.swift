// Where credentials come from, as the AWS tools look for them (docs.aws.amazon.com/sdkref, "Credential provider chain"):
//
//     1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//     2. the shared files: the profile of AWS_PROFILE, or "default"
//     3. a container's endpoint (AWSMetadata.swift)
//     4. the instance's metadata (AWSMetadata.swift)
//
// A profile that was named and is not there, or has no key, ends the search: whoever named it meant it.

import Synchronization
import VarveCrypto
package import VarveFormat

/// Gives credentials that are good for some minutes at least. Called before each request, from many threads.
public protocol AWSCredentialProvider: Sendable {
  /// - Throws: `VarveError.Code.usage` when there are none, telling where they were looked for; `unavailable` when the
  ///   service that gives them does not answer.
  func credentials() throws -> AWSCredentials
}

/// Credentials that never change.
public struct FixedAWSCredentials: AWSCredentialProvider {
  private let fixed: AWSCredentials
  public init(_ credentials: AWSCredentials) { fixed = credentials }
  public func credentials() -> AWSCredentials { fixed }
}

/// The usual places, one after the other; temporary credentials are asked for anew five minutes before they end.
public final class AWSCredentialChain: AWSCredentialProvider {
  private enum Source {
    case fixed
    case container
    case instance
  }

  /// Seconds before its end at which a credential is renewed.
  private static let margin: Int64 = 300

  private let settings: AWSSettings
  private let metadata: AWSMetadata
  private let now: @Sendable () -> Timestamp
  private let known = Mutex<(credentials: AWSCredentials, source: Source)?>(nil)

  public convenience init(environment: [String: String]) throws {
    try self.init(AWSSettings(environment: environment))
  }

  /// - Parameter now: a clock, for tests.
  package convenience init(
    environment: [String: String], now: @escaping @Sendable () -> Timestamp
  ) throws {
    try self.init(AWSSettings(environment: environment), now: now)
  }

  init(
    _ settings: AWSSettings, now: @escaping @Sendable () -> Timestamp = { HTTPDate.now() }
  ) throws {
    self.settings = settings
    self.now = now
    metadata = try AWSMetadata(settings)
  }

  public func credentials() throws -> AWSCredentials {
    // Who comes while they are renewed waits for them.
    try known.withLock { known in
      guard let old = known else {
        let found = try find()
        known = found
        return found.credentials
      }
      guard let end = old.credentials.expiration?.seconds, end - Self.margin <= now().seconds
      else { return old.credentials }
      do {
        let found = (credentials: try renew(old.source), source: old.source)
        known = found
        return found.credentials
      } catch {
        guard end > now().seconds else { throw error }
        return old.credentials
      }
    }
  }

  private func renew(_ source: Source) throws -> AWSCredentials {
    let found =
      switch source {
      case .fixed: try find().credentials
      case .container: try metadata.containerCredentials()
      case .instance: try metadata.instanceCredentials()
      }
    guard let found else {
      throw VarveError(
        .unavailable, "the service that gave the credentials for S3 gives none any more")
    }
    return found
  }

  private func find() throws -> (credentials: AWSCredentials, source: Source) {
    if let id = settings.variable("AWS_ACCESS_KEY_ID"),
      let secret = settings.variable("AWS_SECRET_ACCESS_KEY")
    {
      let found = try AWSCredentials(
        accessKeyID: id, secretAccessKey: SecretBytes(copying: Array(secret.utf8)),
        sessionToken: settings.variable("AWS_SESSION_TOKEN"))
      return (found, .fixed)
    }
    if let found = try fromProfile() { return (found, .fixed) }
    if let found = try metadata.containerCredentials() { return (found, .container) }
    if let found = try metadata.instanceCredentials() { return (found, .instance) }
    throw VarveError(
      .usage,
      "there are no credentials for S3: not in the environment, the shared AWS files, a container's or an instance's metadata",
      hint:
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile of ~/.aws/credentials"
    )
  }

  private func fromProfile() throws -> AWSCredentials? {
    let profile = try settings.profile()
    if let id = profile?["aws_access_key_id"], let secret = profile?["aws_secret_access_key"] {
      return try AWSCredentials(
        accessKeyID: id, secretAccessKey: SecretBytes(copying: Array(secret.utf8)),
        sessionToken: profile?["aws_session_token"])
    }
    let name = settings.profileName
    for other in ["role_arn", "sso_session", "sso_start_url", "credential_process"]
    where profile?[other] != nil {
      throw VarveError(
        .usage, "the AWS profile '\(name ?? "default")' has \(other), which is not understood",
        hint: "let the AWS tools give keys to the environment: "
          + "eval \"$(aws configure export-credentials --format env)\"")
    }
    guard let name else { return nil }
    throw VarveError(
      .usage,
      "the profile '\(name)' is not in the shared AWS files, or has no access key and secret",
      hint: "look at ~/.aws/credentials and ~/.aws/config, or unset AWS_PROFILE")
  }
}
