// Who asks the service, and whether a request is the doing of whom it seems to come from.
//
//     a token      Authorization: Bearer …, for programs
//     a session    a cookie that a browser got for a token: 256 random bits, of which the service keeps the SHA-256, in
//                  memory, for twelve hours, as long as the token is good. HttpOnly, SameSite=Strict; over TLS also
//                  Secure, and its name begins with __Host-
//     neither      only where the service has no tokens, and then it listens on loopback alone and answers to loopback's
//                  names alone, so that no page can reach it under a name of its own (DNS rebinding)
//
// What changes something is refused when Origin or Sec-Fetch-Site say that another site's page asks.

import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import VarveCrypto
import VarveFormat

struct ServiceAccess: Sendable {
  struct Caller: Sendable {
    /// `read` sees how things are; `full` also looks into snapshots, and starts things.
    var mayAct: Bool
    /// For the page: nil where nobody signs in.
    var label: String?
    var key: String
  }

  static let sessionSeconds: Int64 = 12 * 3600
  private static let sessionLimit = 10_000

  private let tokens: TokenBook?
  private let isEncrypted: Bool
  private let now: @Sendable () -> Int64
  private let sessions = Sessions()

  init(tokens: TokenBook?, isEncrypted: Bool, now: @escaping @Sendable () -> Int64) {
    self.tokens = tokens
    self.isEncrypted = isEncrypted
    self.now = now
  }

  var needsToken: Bool { tokens != nil }

  /// Who asks; nil when nothing says so.
  ///
  /// - Throws: `Problem` 401 for a token that is not good, 421 for a name that is not this service's.
  func caller(_ request: Request) throws -> Caller? {
    guard let tokens else {
      guard Self.isLoopback(request.head.authority ?? "") else {
        throw Problem(421, "without tokens this service answers to the names of loopback only")
      }
      return Caller(mayAct: true, label: nil, key: "anybody")
    }
    if let header = request.headers[.authorization] {
      guard let presented = BearerToken.parse(header),
        let token = tokens.token(for: presented, now: now()),
        token.repository == AccessToken.serviceName
      else {
        throw Problem(
          401, "this token is not, or no longer, good for the service",
          headers: [.wwwAuthenticate: "Bearer realm=\"varve\""])
      }
      return caller(token)
    }
    guard let secret = cookie(request), let id = sessions.tokenID(for: secret, now: now()),
      let token = tokens.token(id: id, now: now()), token.repository == AccessToken.serviceName
    else { return nil }
    return caller(token)
  }

  private func caller(_ token: AccessToken) -> Caller {
    Caller(mayAct: token.kind == .full, label: token.label, key: token.id)
  }

  /// Takes a token for a session.
  ///
  /// - Returns: the field that sets its cookie; nil for a token that is not good.
  func signIn(_ presented: String) -> String? {
    guard let token = tokens?.token(for: presented, now: now()),
      token.repository == AccessToken.serviceName
    else { return nil }
    let secret = SecureRandom.secret(32).withUnsafeBytes { Hex.encode(Array($0)) }
    sessions.add(secret, token.id, until: now() + Self.sessionSeconds, now: now())
    return cookie(secret, maximumAge: Self.sessionSeconds)
  }

  /// - Returns: the field that removes the cookie.
  func signOut(_ request: Request) -> String {
    if let secret = cookie(request) { sessions.remove(secret) }
    return cookie("", maximumAge: 0)
  }

  private var cookieName: String { isEncrypted ? "__Host-varve" : "varve" }

  private func cookie(_ value: String, maximumAge: Int64) -> String {
    "\(cookieName)=\(value); Path=/; Max-Age=\(maximumAge); HttpOnly; SameSite=Strict"
      + (isEncrypted ? "; Secure" : "")
  }

  private func cookie(_ request: Request) -> String? {
    for pair in (request.headers[.cookie] ?? "").split(separator: ";") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == cookieName else { continue }
      return String(parts[1])
    }
    return nil
  }

  /// - Throws: `Problem` 403 for a request that another site's page makes.
  func requireSameSite(_ request: Request) throws {
    let site = request.headers[HTTPField.Name("sec-fetch-site")!]
    guard site == nil || site == "same-origin" || site == "none" else {
      throw Problem(403, "another site's page asks for this")
    }
    guard let origin = request.headers[.origin] else { return }
    let scheme = isEncrypted ? "https://" : "http://"
    // Behind a proxy that has the certificate, the page's scheme is the proxy's.
    guard let host = request.head.authority,
      origin == scheme + host || origin == "https://" + host
    else { throw Problem(403, "another site's page asks for this") }
  }

  private static func isLoopback(_ authority: String) -> Bool {
    let host =
      authority.hasPrefix("[")
      ? authority.prefix { $0 != "]" }.dropFirst() : authority.prefix { $0 != ":" }
    return host == "::1" || host == "localhost" || ListenHost.isLoopback(String(host))
  }

  private final class Sessions: Sendable {
    private struct Session {
      let token: String
      let end: Int64
    }

    private let sessions = Mutex<[Digest: Session]>([:])

    func add(_ secret: String, _ token: String, until end: Int64, now: Int64) {
      sessions.withLock { sessions in
        if sessions.count >= ServiceAccess.sessionLimit {
          sessions = sessions.filter { $0.value.end > now }
          if sessions.count >= ServiceAccess.sessionLimit { sessions = [:] }
        }
        sessions[SHA256.digest(Array(secret.utf8))] = Session(token: token, end: end)
      }
    }

    /// Found by a hash: how long that takes tells nothing of the secret.
    func tokenID(for secret: String, now: Int64) -> String? {
      let hash = SHA256.digest(Array(secret.utf8))
      return sessions.withLock { $0[hash] }.flatMap { $0.end > now ? $0.token : nil }
    }

    func remove(_ secret: String) {
      let hash = SHA256.digest(Array(secret.utf8))
      sessions.withLock { $0[hash] = nil }
    }
  }
}

/// `Authorization: Bearer …`.
enum BearerToken {
  static func parse(_ header: String) -> String? {
    let parts = header.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return String(parts[1])
  }
}

/// Addresses to listen at.
public enum ListenHost {
  /// Whether only this machine reaches it.
  public static func isLoopback(_ host: String) -> Bool {
    if host == "::1" || host == "localhost" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}
