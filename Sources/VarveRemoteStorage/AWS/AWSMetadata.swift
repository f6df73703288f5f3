// Services near a program that give it temporary credentials (docs.aws.amazon.com/sdkref, "Container credential provider"
// and "IMDS credential provider"):
//
//     container   GET AWS_CONTAINER_CREDENTIALS_RELATIVE_URI at 169.254.170.2, or AWS_CONTAINER_CREDENTIALS_FULL_URI, with the
//                 token of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN as `authorization`
//     instance    version 2 only: PUT latest/api/token, then, with that token, GET the role's name and its credentials
//
// Both answer JSON with AccessKeyId, SecretAccessKey, Token and Expiration.

import VarveCrypto
import VarveFormat

/// Asks a container's or an instance's metadata service for credentials.
struct AWSMetadata: Sendable {
  private static let largestAnswer = 64 << 10

  private let settings: AWSSettings
  private let exchange: HTTPExchange

  init(_ settings: AWSSettings) throws {
    self.settings = settings
    // Where there is no such service, packets may get lost without a word.
    var options = HTTPExchange.Options.brief
    options.connectSeconds = 1
    options.totalSeconds = 5
    exchange = try HTTPExchange(options)
  }

  /// - Returns: nil when the environment names no such service.
  func containerCredentials() throws -> AWSCredentials? {
    let url: String
    if let path = settings.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
      url = "http://169.254.170.2\(path.hasPrefix("/") ? "" : "/")\(path)"
    } else if let full = settings.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
      guard Self.isTrustworthy(full) else {
        throw VarveError(
          .usage, "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this machine",
          hint: "credentials are not asked for over the network in clear")
      }
      url = full
    } else {
      return nil
    }
    var headers: [(name: String, value: String)] = []
    if let file = settings.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
      guard let bytes = try AWSSettings.bytes(at: file) else {
        throw VarveError(
          .usage, "\(file), which AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names, is not there")
      }
      let text = String(decoding: bytes, as: UTF8.self)
      headers = [("authorization", try Self.token(String(text.filter { !$0.isNewline }), file))]
    } else if let token = settings.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
      headers = [("authorization", try Self.token(token, "AWS_CONTAINER_AUTHORIZATION_TOKEN"))]
    }
    return try credentials(
      HTTPExchange.Request(
        "GET", url, headers: headers, name: "the container's credential service"))
  }

  private static func token(_ text: String, _ what: String) throws -> String {
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else {
      throw VarveError(.usage, "\(what) has characters that no token has")
    }
    return text
  }

  /// HTTPS, this machine, or the addresses that containers have for it.
  private static func isTrustworthy(_ url: String) -> Bool {
    if url.hasPrefix("https://") { return true }
    guard url.hasPrefix("http://") else { return false }
    let authority = url.dropFirst(7).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard !authority.contains("@"), !authority.contains("\\") else { return false }
    return ["127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]
      .contains { authority == $0 || authority.hasPrefix($0 + ":") }
  }

  /// - Returns: nil when this is no instance, which is when nobody answers, or it has no role.
  /// - Throws: `VarveError.Code.unavailable` when the service is there and has no answer just now.
  func instanceCredentials() throws -> AWSCredentials? {
    guard settings.variable("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else {
      return nil
    }
    let endpoint =
      settings.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
    let base = (endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint) + "/latest"
    let request = HTTPExchange.Request(
      "PUT", "\(base)/api/token", headers: [("x-aws-ec2-metadata-token-ttl-seconds", "300")])
    guard let token = try? exchange.send(request, largestAnswer: Self.largestAnswer) else {
      return nil
    }
    guard token.status == 200 else {
      try Self.insistOnAnswer(token, request)
      return nil
    }
    let headers = [
      (
        name: "x-aws-ec2-metadata-token",
        value: try Self.token(
          String(decoding: token.body, as: UTF8.self), "the token of the instance's metadata")
      )
    ]
    let list = "\(base)/meta-data/iam/security-credentials/"
    let question = HTTPExchange.Request("GET", list, headers: headers)
    let roles = try exchange.send(question, largestAnswer: Self.largestAnswer)
    try Self.insistOnAnswer(roles, question)
    guard roles.status == 200,
      let role = String(decoding: roles.body, as: UTF8.self).split(separator: "\n").first
    else { return nil }
    let url = list + PercentEncoding.encode(String(role))
    return try credentials(HTTPExchange.Request("GET", url, headers: headers))
  }

  private static func insistOnAnswer(
    _ answer: HTTPExchange.Answer, _ request: HTTPExchange.Request
  ) throws {
    guard answer.status >= 500 || answer.status == 429 else { return }
    throw VarveError(
      .unavailable, "\(request.description) answers \(answer.status) when asked for credentials")
  }

  private func credentials(_ request: HTTPExchange.Request) throws -> AWSCredentials {
    let answer = try exchange.send(request, largestAnswer: Self.largestAnswer)
    guard answer.status == 200 else {
      try Self.insistOnAnswer(answer, request)
      throw VarveError(
        .forbidden, "\(request.description) answers \(answer.status) when asked for credentials")
    }
    let members = JSONStrings(answer.body)
    // Where there is a Code, it tells whether the rest is good.
    guard let members, let id = members["AccessKeyId"], let secret = members["SecretAccessKey"],
      members["Code"] ?? "Success" == "Success"
    else {
      throw VarveError(.forbidden, "\(request.description) does not answer with credentials")
    }
    let expiration = members["Expiration"].map { Timestamp($0) }
    // A time that cannot be read counts as none: the service refuses them when they have ended.
    return try AWSCredentials(
      accessKeyID: id, secretAccessKey: SecretBytes(copying: Array(secret.utf8)),
      sessionToken: members["Token"], expiration: expiration ?? nil)
  }
}
