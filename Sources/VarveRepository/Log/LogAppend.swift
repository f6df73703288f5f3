// Appending, as docs/design.md, section 1 has it:
//
//     repeat
//       make the statements against the present state, sign each for its place, verify the commit
//       store what they name, if it is not there yet
//       create log/commits/<size> only if absent         <- the commit point; exactly one wins
//       lost: read and verify the winner's entries
//     then sign the new head, write the tiles that became full and the checkpoint
//
// When creating fails or its answer is lost, the object is read back: the bytes decide, once storage has
// made sure that they are durable. What is written after the commit point is derived; whoever holds the
// log key completes it.

import Synchronization
import VarveCrypto
public import VarveFormat
import VarveProof
import VarveStorage

extension Log {
  /// Appends one commit.
  ///
  /// - Parameter make: says what to append on top of a state: called again, with the newer state,
  ///   each time another author was first, to check that its statements still hold. It must not
  ///   append or refresh. An empty list appends nothing.
  /// - Returns: the indices of the entries.
  /// - Throws: what `make` throws; `VarveError.Code.forbidden` when the role does not allow a
  ///   statement; `refused` when the state does not; `usage` for one that is too long; what reading
  ///   throws; `io`.
  @discardableResult
  public func append(
    _ make: (LogState) throws -> [LogStatement.Body]
  ) throws -> [UInt64] {
    try append(storing: {}, make)
  }

  /// Appends one commit that names objects which are not stored yet.
  ///
  /// - Parameter store: stores them. It is called when the commit is known to be valid, so that what is refused leaves nothing
  ///   behind; again after a lost race. Once it has returned, the commit may be there whatever is thrown: what it has stored
  ///   must stay.
  @discardableResult
  func append(
    storing store: () throws -> Void, _ make: (LogState) throws -> [LogStatement.Body]
  ) throws -> [UInt64] {
    guard let author else {
      throw VarveError(.forbidden, "without a credential nothing can be appended to the log")
    }
    return try append(by: author, storing: store, make)
  }

  /// Appends one commit by an author other than the unlocked one.
  func append(
    by author: LogAuthor, storing store: () throws -> Void = {},
    _ make: (LogState) throws -> [LogStatement.Body]
  ) throws -> [UInt64] {
    try advancing.withLock { _ in
      while true {
        let base = content.withLock { $0.fold }
        let bodies = try proposed(make(base.state), base.state)
        guard !bodies.isEmpty else { return [] }
        let commit = try signed(bodies, on: base, by: author)
        let fold = try validated(commit, on: base)
        try store()
        if try create(ObjectName.commit(base.head.size), commit) {
          try adopt(fold, [commit], isSettled: true)
          try writeDerived(author)
          return Array(base.head.size..<fold.head.size)
        }
        try readOn()
        guard content.withLock({ $0.fold.head.size }) > base.head.size else {
          throw VarveError(
            .io, "\(ObjectName.commit(base.head.size)) cannot be created and is not there either",
            hint: "check the storage at \(storage.location)")
        }
      }
    }
  }

  /// The same, or proposals of it while `proposes` says so, but for what an open one says already.
  private func proposed(
    _ bodies: [LogStatement.Body], _ state: LogState
  ) throws -> [LogStatement.Body] {
    guard proposes else { return bodies }
    let open = state.openProposals
    var known: [UInt64] = []
    let new = try bodies.compactMap { body -> LogStatement.Body? in
      switch body {
      case .proposal, .approval: return body
      default:
        let proposal = try LogStatement.Proposal(body)
        guard let same = open.first(where: { $0.action == proposal.action }) else {
          return .proposal(proposal)
        }
        known.append(same.entry)
        return nil
      }
    }
    guard !new.isEmpty || known.isEmpty else {
      let entries = known.map(String.init).joined(separator: " ")
      throw VarveError(
        .refused,
        known.count == 1
          ? "log entry \(entries) proposes that already"
          : "log entries \(entries) propose that already",
        hint: "agree with 'varve proposal approve \(entries)'")
    }
    return new
  }

  /// Our own entries pass the same verification as anybody's before they are stored. What the state does not allow is no
  /// attack here: somebody was faster, or has asked for what cannot be.
  private func validated(_ commit: [UInt8], on base: LogFold) throws -> LogFold {
    var fold = base
    do {
      try fold.append(commit: commit, named: "what was to be appended")
    } catch let error as VarveError where error.code == .unauthorized {
      throw VarveError(
        .refused, error.message, hint: "'varve log show' tells what the log says by now",
        cause: error.cause)
    }
    // The rules of the log let the last one go: a log in which that has happened stays valid.
    guard !fold.state.agreeingOwners.isEmpty || base.state.agreeingOwners.isEmpty else {
      throw VarveError(
        .refused, "the last owner's credential cannot be removed", hint: "add another owner first")
    }
    return fold
  }

  private func signed(
    _ bodies: [LogStatement.Body], on base: LogFold, by author: LogAuthor
  ) throws -> [UInt8] {
    guard bodies.count <= LogEntry.commitLimit else {
      throw VarveError(.usage, "\(bodies.count) entries are too many for one commit")
    }
    let known = base.state.authors[author.keyID]
    guard let known, known.removed == nil else {
      throw VarveError(
        .forbidden, "the credential in use was removed from the repository",
        hint: "unlock the repository with another credential")
    }
    var previous = known.newestEntry
    let time = WallClock.now()
    let entries = try bodies.enumerated().map { offset, body in
      let roles = base.state.permittedRoles(for: body, by: author.keyID)
      guard roles.contains(known.role) else {
        let what =
          body.permittedRoles.contains(known.role)
          ? "this \(body.kind) entry" : "\(body.kind) entries"
        throw VarveError(
          .forbidden, "a \(known.role.rawValue) may not append \(what) to the log",
          hint: "use a credential of the role "
            + Role.allCases.filter(roles.contains).map(\.rawValue).joined(separator: " or "))
      }
      if body.proposal == nil && base.state.needsAgreement(body) {
        throw VarveError(
          .refused, "\(base.state.threshold) owners have to agree to this \(body.kind) entry",
          hint: Self.wayToAgree(body, among: bodies))
      }
      let index = base.head.size + UInt64(offset)
      let statement = LogStatement(
        author: author.keyID,
        position: LogStatement.Position(index: index, size: base.head.size, root: base.head.root),
        previous: previous, program: ProgramVersion.program, repository: config.id, time: time,
        body: body)
      previous = index
      let entry = try author.sign(statement.bytes(config: configDigest))
      guard entry.count <= LogEntry.largestByteCount else {
        throw VarveError(
          .usage, "a \(body.kind) entry of \(entry.count) bytes is too long for the log")
      }
      return entry
    }
    return try EntryBundle.encode(entries)
  }

  /// How owners agree to an entry of a commit.
  private static func wayToAgree(
    _ body: LogStatement.Body, among bodies: [LogStatement.Body]
  ) -> String {
    guard bodies.allSatisfy({ LogStatement.Proposal.kinds.contains($0.kind) }) else {
      return
        "what replaces snapshots cannot be proposed; owners may agree to act alone meanwhile, with "
        + "'varve key threshold 1 --propose'"
    }
    let command =
      switch body {
      case .credential: "key"
      case .release: "hold remove"
      case .threshold: "key threshold"
      default: body.kind
      }
    return
      "propose it with --propose of 'varve \(command)'; others agree with 'varve proposal approve'"
  }

  /// Creates the commit unless there is one; says whether it is ours.
  private func create(_ name: String, _ commit: [UInt8]) throws -> Bool {
    do {
      if try storage.createExclusively(name, commit) { return true }
    } catch {
      // It may have been created all the same.
      guard let stored = try? readIfPresent(name) else { throw error }
      return try isSettled(stored, as: commit, name)
    }
    // A back end that repeats a request whose answer was lost finds its own object in the way.
    return try isSettled(readIfPresent(name), as: commit, name)
  }

  /// Whether what is stored is our commit, which then survives a power loss: the directory that could not be
  /// synced may be why creating it failed.
  private func isSettled(_ stored: [UInt8]?, as commit: [UInt8], _ name: String) throws -> Bool {
    guard stored == commit else { return false }
    try storage.settle(name)
    return true
  }

  /// Writes what the commits imply and storage does not have yet: full tiles, then the checkpoint. A bundle of which a
  /// commit cannot be read back is left out, for good: nobody needs it.
  /// Must be called with `advancing` held. Does nothing without the log key.
  ///
  /// - Throws: `VarveError.Code.interrupted`. Any other failure is kept in `derivedDataFailure` only: what is appended by
  ///   then stays so.
  func writeDerived(_ author: LogAuthor) throws {
    guard let signer = author.checkpointSigner else { return }
    let (fold, written, isSettled) = content.withLock {
      ($0.fold, $0.checkpointSize, $0.isSettled)
    }
    let size = fold.head.size
    guard isSettled, size > written else { return }
    do {
      var damage: VarveError?
      for tile in Tile.completed(from: written, to: size) {
        let encoded: [UInt8]
        do {
          encoded = try bytes(of: tile, fold)
        } catch let error as VarveError where error.isOfObject {
          damage = damage ?? Self.leftOut(tile, error)
          continue
        }
        try storage.put("log/\(tile.path)", encoded)
      }
      try storage.put(ObjectName.checkpoint, try signer.sign(fold.head))
      content.withLock { $0.checkpointSize = size }
      derivedFailure.withLock { $0 = damage }
      if let damage { warning.withLock { $0 }?(damage) }
    } catch let error as VarveError where error.code != .interrupted {
      derivedFailure.withLock { $0 = error }
    }
  }

  private static func leftOut(_ tile: Tile, _ error: VarveError) -> VarveError {
    VarveError(
      error.code, "\(error.message) (see 'varve check'); log/\(tile.path) is left out",
      hint: error.hint, cause: error.cause)
  }

  /// Completes what a crashed author left undone, when the log key is at hand.
  func completeDerived() throws {
    guard let author else { return }
    try advancing.withLock { _ in try writeDerived(author) }
  }
}
