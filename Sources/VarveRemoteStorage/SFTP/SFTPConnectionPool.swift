import Glibc
import Synchronization
import VarveFormat

/// The connections to one server: as many as are wanted at one time, started when the others are busy, and anew when they
/// have ended.
///
/// One is started at a time. Who waits for that shares its failure, so that a wrong key is shown to the server once, not
/// once for every thread.
final class SFTPConnectionPool: Sendable {
  private struct Member {
    let connection: SFTPConnection
    var users = 0
  }

  private struct State {
    var members: [Member] = []
    /// Attempts that failed, and how the last one did.
    var failures = 0
    var lastFailure: VarveError?
    /// No further connection is tried before that second; those that are there do.
    var notBefore = 0
    var isKnown = false
  }

  private let limit: Int
  private let connect: @Sendable (_ isKnown: Bool) throws -> SFTPConnection
  private let state = Mutex(State())
  private let starting = Mutex<Void>(())

  /// - Parameters:
  ///   - limit: connections at one time, at least 1.
  ///   - connect: makes one.
  init(limit: Int, connect: @escaping @Sendable (_ isKnown: Bool) throws -> SFTPConnection) {
    (self.limit, self.connect) = (max(1, limit), connect)
  }

  deinit {
    for member in state.withLock({ $0.members }) { member.connection.close() }
  }

  /// Runs `body` with a connection, which others may use as well.
  func withConnection<Result>(_ body: (SFTPConnection) throws -> Result) throws -> Result {
    let connection = try acquire()
    defer { release(connection) }
    return try body(connection)
  }

  private func acquire() throws -> SFTPConnection {
    removeDead()
    let failuresBefore = state.withLock { $0.failures }
    if let idle = take({ users, canStart in users == 0 || !canStart }) { return idle }
    let started = try starting.withLockIfAvailable { _ in try start(after: failuresBefore) }
    if let started { return started }
    // Somebody else starts one: what is there already will do.
    if let busy = take({ _, _ in true }) { return busy }
    return try starting.withLock { _ in try start(after: failuresBefore) }
  }

  /// The live connection with the fewest users, if it is `suitable`.
  private func take(_ suitable: (_ users: Int, _ canStart: Bool) -> Bool) -> SFTPConnection? {
    let now = Self.now
    return state.withLock { state in
      let live = state.members.indices.filter { state.members[$0].connection.isAlive }
      let best = live.min { state.members[$0].users < state.members[$1].users }
      let canStart = live.count < limit && now >= state.notBefore
      guard let best, suitable(state.members[best].users, canStart) else { return nil }
      state.members[best].users += 1
      return state.members[best].connection
    }
  }

  private func start(after failuresBefore: Int) throws -> SFTPConnection {
    if let idle = take({ users, canStart in users == 0 || !canStart }) { return idle }
    let (shared, isKnown) = state.withLock { state in
      (state.failures == failuresBefore ? nil : state.lastFailure, state.isKnown)
    }
    if let shared { throw shared }
    do {
      let connection = try connect(isKnown)
      state.withLock { state in
        state.isKnown = true
        state.members.append(Member(connection: connection, users: 1))
      }
      return connection
    } catch let error as VarveError {
      // A server may allow fewer connections than are wanted.
      if let other = take({ _, _ in true }) {
        state.withLock { $0.notBefore = Self.now + 30 }
        return other
      }
      state.withLock { state in
        state.failures += 1
        state.lastFailure = error
      }
      throw error
    }
  }

  private func release(_ connection: SFTPConnection) {
    state.withLock { state in
      if let index = state.members.firstIndex(where: { $0.connection === connection }) {
        state.members[index].users -= 1
      }
    }
  }

  private func removeDead() {
    let dead = state.withLock { state in
      let dead = state.members.filter { !$0.connection.isAlive }
      if !dead.isEmpty { state.members.removeAll { !$0.connection.isAlive } }
      return dead
    }
    for member in dead { member.connection.close() }
  }

  private static var now: Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec
  }
}
