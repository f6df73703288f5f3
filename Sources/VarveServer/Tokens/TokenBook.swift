import Synchronization
import VarveCrypto
import VarveFormat

/// Tokens in memory, as the file has them now.
final class TokenBook: Sendable {
  private struct State {
    var tokens: [AccessToken]
    /// Of the file that they were read from.
    var version: TokenFile.Version?
    /// Of a file that could not be read, once that has been said.
    var unreadable: TokenFile.Version??
  }

  private let file: TokenFile
  private let state: Mutex<State>

  init(_ file: TokenFile) throws {
    self.file = file
    let version = file.version()
    state = Mutex(State(tokens: try file.tokens(), version: version))
  }

  var count: Int { state.withLock { $0.tokens.count } }

  /// Reads the file when it has changed since it was read; while it cannot be read, the tokens stay what they were, and it is
  /// tried again at each call.
  ///
  /// - Parameter always: also when it has not changed.
  /// - Throws: what reading throws; without `always`, once for each change.
  func refresh(always: Bool = false) throws {
    let version = file.version()
    guard always || state.withLock({ $0.version != version }) else { return }
    do {
      let tokens = try file.tokens()
      // Of what was there before it was read: what has changed since is read the next time.
      state.withLock { $0 = State(tokens: tokens, version: version) }
    } catch {
      let isSaid = state.withLock { state in
        defer { state.unreadable = .some(version) }
        return state.unreadable == .some(version)
      }
      if always || !isSaid { throw error }
    }
  }

  /// The token with that secret. Every token is compared, and each in the same time, so that nothing can be learnt from
  /// how long it takes; not even the hash of a secret that is nearly right.
  func token(for secret: String, now: Int64) -> AccessToken? {
    let presented = SHA256.digest(Array(secret.utf8))
    let tokens = state.withLock { $0.tokens }
    var found = -1
    for (index, token) in tokens.enumerated() {
      let isEqual = Self.isEqual(token.hash, presented)
      found = isEqual ? index : found
    }
    guard found >= 0, !tokens[found].isExpired(at: now) else { return nil }
    return tokens[found]
  }

  /// The token of that id, if it is good still.
  func token(id: String, now: Int64) -> AccessToken? {
    state.withLock { $0.tokens.first { $0.id == id } }.flatMap { $0.isExpired(at: now) ? nil : $0 }
  }

  private static func isEqual(_ a: Digest, _ b: Digest) -> Bool {
    var difference: UInt8 = 0
    withUnsafeTemporaryAllocation(byteCount: 2 * Digest.byteCount, alignment: 8) { buffer in
      a.store(to: buffer.baseAddress!)
      b.store(to: buffer.baseAddress! + Digest.byteCount)
      for offset in 0..<Digest.byteCount {
        difference |= buffer[offset] ^ buffer[offset + Digest.byteCount]
      }
    }
    return difference == 0
  }
}
