import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository

/// Who may forget what, and what may be said of policies and holds.
@Suite struct LogRetentionRuleTests {
  private static let source = Digest(7, 7, 7, 7)
  private static let later = Timestamp(seconds: 4_000_000_000)
  private static let past = Timestamp(seconds: 1_000_000_000)

  private static func id(_ number: UInt64) -> Digest { Digest(number, 0, 0, 0) }

  private static func partial(_ number: UInt64) -> LogStatement.Body {
    .snapshot(.init(snapshot: id(number), additions: .listed([]), isPartial: true))
  }

  private static func forget(_ numbers: UInt64...) -> LogStatement.Body {
    .forget(.init(snapshots: numbers.map(id), reason: "test"))
  }

  private static func hold(
    _ number: UInt64, _ term: LogStatement.Hold.Term, _ reason: String = "test"
  ) -> LogStatement.Body {
    .hold(.init(snapshots: [id(number)], term: term, reason: reason))
  }

  private static func release(_ number: UInt64) -> LogStatement.Body {
    .release(.init(snapshots: [id(number)], reason: "test"))
  }

  private static func policy(_ source: Digest?, _ daily: Int64?) -> LogStatement.Body {
    var keep = RetentionPolicy()
    keep[.daily] = .limited(daily ?? 0)
    return .policy(.init(source: source, keep: keep))
  }

  /// An owner, and a client of another role.
  private static func clients(
    _ role: Role
  ) throws -> (LogBench, UnlockedRepository, UnlockedRepository) {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let key = LogBench.KeyFile(try owner.addKeyFile(role: role))
    return (bench, owner, try bench.unlock("other", key: key))
  }

  private static func code(_ repository: UnlockedRepository, _ bodies: LogStatement.Body...)
    -> VarveError.Code?
  {
    do {
      try repository.log.refresh()
      try repository.log.append { _ in bodies }
      return nil
    } catch {
      return (error as? VarveError)?.code
    }
  }

  @Test func aWriterForgetsOnlyItsOwnPartialSnapshots() throws {
    let (bench, owner, writer) = try Self.clients(.writer)
    #expect(Self.code(owner, Self.partial(1)) == nil)
    #expect(Self.code(writer, Self.partial(2), Self.partial(3), LogBench.snapshot(4)) == nil)
    #expect(Self.code(writer, Self.forget(1)) == .forbidden, "another's")
    #expect(Self.code(writer, Self.forget(4)) == .forbidden, "not partial")
    #expect(Self.code(writer, Self.forget(2, 1)) == .forbidden)
    #expect(Self.code(writer, Self.forget(9)) == .forbidden, "not there")
    #expect(Self.code(writer, LogBench.snapshot(5), Self.forget(2)) == nil)
    #expect(Self.code(owner, Self.forget(3, 4)) == nil, "an owner may")
    let log = try bench.audit("auditor")
    #expect(log.state.snapshotsInOrder.map(\.id) == [Self.id(1), Self.id(5)])
    #expect(log.state.snapshotsInOrder.map(\.isPartial) == [true, false])
    let row = try #require(log.state.forgotten[Self.id(2)])
    #expect(row.snapshot.isPartial && row.author == row.snapshot.author)
  }

  /// The rule is the fold's, not only that of the program which appends.
  @Test func aStateSaysWhoMay() throws {
    let (_, owner, writer) = try Self.clients(.writer)
    #expect(Self.code(writer, Self.partial(2)) == nil)
    try owner.log.refresh()
    let state = owner.log.state
    let authors = state.authors.values
    let writing = try #require(authors.first { $0.role == .writer }).keyID
    let owning = try #require(authors.first { $0.role == .owner && $0.credential != nil }).keyID
    #expect(state.permittedRoles(for: Self.forget(2), by: writing) == [.owner, .writer])
    #expect(state.permittedRoles(for: Self.forget(2), by: owning) == [.owner])
    #expect(state.permittedRoles(for: Self.policy(nil, 1), by: writing) == [.owner], "the first")
    #expect(Self.code(owner, Self.policy(nil, 1)) == nil)
    #expect(
      owner.log.state.permittedRoles(for: Self.policy(nil, 2), by: writing) == [.owner, .writer])
    #expect(
      state.permittedRoles(for: .policy(.init(source: nil, keep: nil)), by: writing) == [.owner])
  }

  @Test func onlyOwnersAndWritersSpeakOfRetention() throws {
    let (_, owner, reader) = try Self.clients(.reader)
    #expect(Self.code(owner, LogBench.snapshot(1), Self.hold(1, .released)) == nil)
    for body in [Self.hold(1, .permanent), Self.policy(nil, 3), Self.release(1), Self.forget(1)] {
      #expect(Self.code(reader, body) == .forbidden, "\(body.kind)")
    }
    let (_, other, writer) = try Self.clients(.writer)
    #expect(Self.code(other, LogBench.snapshot(1)) == nil)
    #expect(Self.code(writer, Self.hold(1, .released)) == nil)
    #expect(Self.code(writer, Self.release(1)) == .forbidden)
    #expect(Self.code(other, Self.release(1)) == nil)
  }

  @Test func aWriterDoesNotLoosenAPolicy() throws {
    let (bench, owner, writer) = try Self.clients(.writer)
    #expect(Self.code(writer, .policy(.init(source: nil, keep: nil))) == .forbidden)
    #expect(Self.code(owner, .policy(.init(source: nil, keep: nil))) == .refused, "none there")
    #expect(Self.code(writer, Self.policy(nil, 5)) == .forbidden, "without one all are kept")
    #expect(Self.code(writer, Self.policy(Self.source, 5)) == .forbidden)
    #expect(Self.code(owner, Self.policy(nil, 5)) == nil)
    #expect(Self.code(writer, Self.policy(nil, 4)) == .forbidden)
    #expect(Self.code(writer, Self.policy(nil, 6)) == nil)
    #expect(Self.code(writer, Self.policy(Self.source, 5)) == .forbidden, "less than the default")
    #expect(Self.code(writer, Self.policy(Self.source, 8)) == nil)
    #expect(Self.code(writer, Self.policy(Self.source, 7)) == .forbidden, "less than its own")
    #expect(Self.code(writer, .policy(.init(source: Self.source, keep: nil))) == .forbidden)
    let state = try bench.audit("auditor").state
    #expect(state.policy(forSource: Self.source)?.keep[.daily] == .limited(8))
    #expect(state.policy(forSource: Self.id(1))?.keep[.daily] == .limited(6))
    #expect(state.policy(forSource: nil)?.keep[.daily] == .limited(6))
    #expect(Self.code(owner, Self.policy(Self.source, 1)) == nil, "an owner may")
    #expect(Self.code(owner, .policy(.init(source: Self.source, keep: nil))) == nil)
    #expect(Self.code(owner, .policy(.init(source: Self.source, keep: nil))) == .refused)
    let after = try bench.audit("auditor").state
    #expect(after.policy(forSource: Self.source)?.keep[.daily] == .limited(6))
    #expect(after.policies.isEmpty)
    #expect(Self.code(owner, .policy(.init(source: nil, keep: nil))) == nil)
    #expect(try bench.audit("auditor").state.policy(forSource: nil) == nil)
  }

  @Test func whatIsHeldIsNotForgotten() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    #expect(
      Self.code(owner, LogBench.snapshot(1), LogBench.snapshot(2), LogBench.snapshot(3)) == nil)
    #expect(
      Self.code(
        owner, Self.hold(1, .until(Self.later)), Self.hold(2, .released), Self.hold(3, .permanent))
        == nil)
    for number: UInt64 in 1...3 {
      #expect(Self.code(owner, Self.forget(number)) == .refused, "\(number)")
    }
    let state = owner.log.state
    #expect(state.hold(on: Self.id(1), at: Timestamp(seconds: 3_999_999_999)) != nil)
    #expect(state.hold(on: Self.id(1), at: Self.later) == nil, "it ends at its end")
    #expect(state.hold(on: Self.id(2), at: Timestamp(seconds: .max)) != nil)
    #expect(state.hold(on: Self.id(9), at: Self.past) == nil)
    #expect(Self.code(owner, Self.release(1), Self.forget(1)) == nil)
    #expect(Self.code(owner, Self.release(2)) == nil)
    #expect(Self.code(owner, Self.release(2)) == .refused, "not held")
    #expect(Self.code(owner, Self.release(3)) == .refused, "for ever")
    #expect(Self.code(owner, Self.forget(2)) == nil)
    #expect(Self.code(owner, Self.hold(2, .released)) == .refused, "forgotten")
    #expect(Self.code(owner, Self.hold(9, .released)) == .refused, "never there")
    #expect(
      Self.code(
        owner, .hold(.init(snapshots: [Self.id(3), Self.id(3)], term: .released, reason: "")))
        == .refused, "twice")
  }

  @Test func aHoldThatHasEndedHoldsNothing() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    #expect(Self.code(owner, LogBench.snapshot(1), Self.hold(1, .until(Self.past))) == nil)
    #expect(Self.code(owner, Self.forget(1)) == nil)
    // Brought back, it has its hold again.
    #expect(Self.code(owner, .undo(.init(snapshots: [Self.id(1)]))) == nil)
    #expect(owner.log.state.holds[Self.id(1)]?.term == .until(Self.past))
  }

  @Test func holdsOnlyExtend() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    #expect(Self.code(owner, LogBench.snapshot(1)) == nil)
    let early = Timestamp(seconds: 3_000_000_000)
    let steps: [(LogStatement.Hold.Term, LogStatement.Hold.Term, String)] = [
      (.until(early), .until(early), "1"), (.until(Self.later), .until(Self.later), "2"),
      (.until(early), .until(Self.later), "2"), (.released, .released, "4"),
      (.until(Self.later), .released, "4"), (.permanent, .permanent, "6"),
      (.released, .permanent, "6"), (.until(Self.later), .permanent, "6"),
    ]
    for (index, (term, expected, reason)) in steps.enumerated() {
      #expect(Self.code(owner, Self.hold(1, term, "\(index + 1)")) == nil)
      let hold = try #require(owner.log.state.holds[Self.id(1)])
      #expect(hold.term == expected, "\(index)")
      #expect(hold.reason == reason, "\(index)")
    }
    #expect(Self.code(owner, Self.release(1)) == .refused)
  }
}
