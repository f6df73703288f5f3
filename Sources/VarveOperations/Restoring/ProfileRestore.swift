import CVarveLinux
import Glibc
public import Varve
public import VarveFormat
public import VarveRepository

/// Puts sources of a profile back to their own places: `varve restore --profile`.
///
///     choose the snapshots -> ask about what is sensitive -> before-restore hooks
///       -> all sources are staged, and databases checked -> each, with a safety snapshot, is put in its place
///       -> after-restore hooks, always
///
/// So nothing is changed when one of them cannot be restored. Only where a source lies in another are they restored one after
/// the other. From the first hook to the last it has the lock of the profile's runs: none of them starts a service meanwhile,
/// or saves what is half restored.
public struct ProfileRestore {
  /// What is restored of one source.
  public struct Choice: Sendable {
    public let source: Source
    public let snapshot: Digest
    fileprivate let record: SnapshotRecord
    fileprivate let options: RestoreOptions
  }

  private let profile: Profile
  private let surroundings: RunSurroundings
  private let repository: IndexedRepository

  /// Opens the first of the profile's repositories that can be reached.
  ///
  /// - Throws: `.usage` when the profile has no repository; what opening the last one throws; `.forbidden` unless the
  ///   credential is an owner's.
  public init(_ profile: Profile, _ surroundings: RunSurroundings) throws {
    self.profile = profile
    self.surroundings = surroundings
    repository = try Self.open(profile, surroundings)
    guard repository.unlocked.role == .owner else {
      throw VarveError(
        .forbidden,
        "the repository of profile '\(profile.name)' is opened with a credential that cannot restore and save what was there before",
        hint: "restore with an owner's credential")
    }
  }

  private static func open(
    _ profile: Profile, _ surroundings: RunSurroundings
  ) throws -> IndexedRepository {
    var failure = VarveError(.usage, "profile '\(profile.name)' has no repository")
    for name in profile.repositories {
      do { return try surroundings.opening(name).indexed() } catch let error as VarveError {
        let isAway: Set<VarveError.Code> = [.unavailable, .noRepository, .io, .forbidden]
        guard isAway.contains(error.code) else { throw error }
        if name != profile.repositories.last {
          surroundings.warn(
            "repository '\(name)' cannot be opened: \(error); the next one is tried")
        }
        failure = error
      }
    }
    throw failure
  }

  /// The newest snapshot of each source, or the newest that is not younger than `time`.
  ///
  /// - Parameters:
  ///   - names: of sources; empty for all but outputs of commands, which have no place of their own.
  ///   - time: nil for the newest.
  ///   - manner: how each is restored; where is the sources' own business.
  /// - Throws: `.notFound` when there is no such source, or no snapshot of it; `.usage` for a command's.
  public func choose(
    _ names: [String], at time: Timestamp?, manner: RestoreOptions = RestoreOptions(target: [])
  ) throws -> [Choice] {
    for name in names where !profile.sources.contains(where: { $0.name == name }) {
      throw VarveError(
        .notFound, "profile '\(profile.name)' has no source '\(ByteText.printable(name))'",
        hint: "it has \(profile.sources.map(\.name).joined(separator: ", "))")
    }
    return try profile.sources.compactMap { source in
      guard names.isEmpty || names.contains(source.name) else { return nil }
      if names.isEmpty, case .command = source.origin {
        surroundings.note(
          "\(source.name) is left out: the output of a command has no place of its own")
        return nil
      }
      let newest = try SourceHistory(
        profile: profile, source: source.name, in: repository.unlocked
      ).newest(notAfter: time)
      if case .command = source.origin {
        throw VarveError(
          .usage, "\(source.name) is the output of a command, which has no place of its own",
          hint: "restore it with 'varve restore \(newest.hex.prefix(12)) --target DIRECTORY'")
      }
      let record = try repository.unlocked.snapshotRecord(newest)
      let place = try place(of: record)
      var options = manner
      (options.target, options.subpath, options.includes) =
        (place.target, place.subpath, place.includes)
      return Choice(source: source, snapshot: newest, record: record, options: options)
    }
  }

  /// Into the directory above, or the nearest that is there, with its own attributes; a mounted one into itself, since nothing
  /// can be moved to there from above.
  private func place(of record: SnapshotRecord) throws -> RestoreOptions {
    guard record.paths.count == 1, let path = record.paths.first else {
      throw VarveError(.notFound, "the snapshot is not of one path")
    }
    let place = SnapshotPath(path)
    guard !place.components.isEmpty else { return RestoreOptions(target: [UInt8(ascii: "/")]) }
    let above = SnapshotPath(components: place.components.dropLast())
    if Self.isMounted(path, in: above.bytes),
      try TreeLookup.entry(
        at: place, below: record.rootDirectory, from: try repository.makeReader())?.type
        == .directory
    {
      var options = RestoreOptions(target: path)
      options.subpath = place.components
      return options
    }
    // Directories above that are not there are made as the snapshot has them.
    var existing = above.components
    while !existing.isEmpty, !Self.exists(SnapshotPath(components: existing).bytes) {
      existing.removeLast()
    }
    var options = RestoreOptions(target: SnapshotPath(components: existing).bytes)
    options.subpath = existing
    // Nothing beside it is touched.
    options.includes = [
      place.components.dropFirst(existing.count).flatMap { [UInt8(ascii: "/")] + Self.literal($0) }
    ]
    return options
  }

  private static func exists(_ path: [UInt8]) -> Bool { status(path) != nil }

  /// Also where a part of the same file system is mounted, which has its device: `mount --bind`.
  private static func isMounted(_ path: [UInt8], in above: [UInt8]) -> Bool {
    guard let own = status(path), let other = status(above) else { return false }
    return own.attributes & varve_attribute_mount_root != 0
      || (own.device_major, own.device_minor) != (other.device_major, other.device_minor)
  }

  private static func status(_ path: [UInt8]) -> varve_status? {
    var status = varve_status()
    let result = (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer {
      varve_statx(AT_FDCWD, $0.baseAddress!, AT_SYMLINK_NOFOLLOW, &status)
    }
    return result == 0 ? status : nil
  }

  /// A pattern that matches the name alone.
  private static func literal(_ name: [UInt8]) -> [UInt8] {
    name.flatMap { byte -> [UInt8] in
      "*?[]\\".utf8.contains(byte) ? [UInt8(ascii: "\\"), byte] : [byte]
    }
  }

  /// Restores them, hooks around.
  ///
  /// - Parameters:
  ///   - settings: how each is staged.
  ///   - leave: takes what the log is to say of each, also of one that failed.
  ///   - done: hears of each that did not.
  /// - Throws: `.refused` when another process of this host runs or restores the profile; what a before-restore hook or a
  ///   restore throws; after-restore hooks have run by then. `.io` when one of these fails.
  public func run(
    _ choices: [Choice], _ settings: StagingOptions,
    leave: (LogStatement.Receipt, UnlockedRepository) -> Void,
    done: (Choice, StagedReport) throws -> Void
  ) throws {
    func restoreAll() throws {
      for group in Self.groups(choices) { try restore(group, settings, leave, done) }
    }
    let (_, failures) = try HookRun(profile, surroundings).aroundRestore(
      isGood: { _ in true }, restoreAll)
    guard failures.isEmpty else {
      throw VarveError(
        .io, failures.joined(separator: "; "),
        hint: "everything was restored; start what the hook was to start")
    }
  }

  private static func groups(_ choices: [Choice]) -> [[Choice]] {
    let places = choices.compactMap { $0.record.paths.first.map { SnapshotPath($0).components } }
    let isNested = places.indices.contains { index in
      places.indices.contains { $0 != index && places[$0].starts(with: places[index]) }
    }
    return isNested ? choices.map { [$0] } : [choices]
  }

  private func restore(
    _ choices: [Choice], _ settings: StagingOptions,
    _ leave: (LogStatement.Receipt, UnlockedRepository) -> Void,
    _ done: (Choice, StagedReport) throws -> Void
  ) throws {
    var prepared: [(choice: Choice, restore: PreparedRestore, started: Timestamp)] = []
    // The last first, since each has seen the ones before come.
    defer { for item in prepared.reversed() { item.restore.abandon() } }
    func following<Result>(
      _ choice: Choice, _ started: Timestamp, _ body: () throws -> Result
    ) throws -> Result {
      do { return try body() } catch {
        if (error as? VarveError)?.code != .interrupted {
          leave(receipt(choice, nil, started), repository.unlocked)
        }
        throw error
      }
    }
    for choice in choices {
      surroundings.note(
        "restoring \(choice.source.name) of \(profile.name) from \(choice.snapshot.hex.prefix(8))")
      let started = WallClock.now()
      let restore = try following(choice, started) {
        try PreparedRestore(
          repository, choice.record, id: choice.snapshot, options: choice.options,
          staging: settings, cancellation: surroundings.cancellation, note: surroundings.note)
      }
      prepared.append((choice, restore, started))
    }
    for (choice, restore, started) in prepared {
      surroundings.note("putting \(choice.source.name) in its place")
      let report = try following(choice, started) { try restore.finish(note: surroundings.note) }
      leave(receipt(choice, report.restore, started), repository.unlocked)
      try done(choice, report)
      if let problem = report.restore.problems.first {
        throw VarveError(
          problem.kind == .damage ? .damaged : .io,
          "\(choice.source.name): \(ByteText.printable(problem.path)): \(problem.message)")
      }
    }
  }

  private func receipt(
    _ choice: Choice, _ report: RestoreReport?, _ started: Timestamp
  ) -> LogStatement.Receipt {
    LogStatement.Receipt(
      restoring: choice.snapshot, choice.record, choice.options, report, started: started)
  }
}
