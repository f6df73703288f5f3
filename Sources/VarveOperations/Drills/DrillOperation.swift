import Synchronization
import Varve
import VarveCrypto
import VarveFormat
public import VarveRepository

/// A drill as an operator's file has it, with all around it: the repository is opened, the journal kept, people told,
/// documents stored.
public struct DrillOperation: Sendable {
  private let configuration: Configuration
  private let client: ClientDirectories
  private let cancellation: CancellationFlag
  private let note: @Sendable (String) -> Void
  private let warn: @Sendable (String) -> Void

  public init(
    _ configuration: Configuration, client: ClientDirectories, cancellation: CancellationFlag,
    note: @escaping @Sendable (String) -> Void, warn: @escaping @Sendable (String) -> Void
  ) {
    self.configuration = configuration
    self.client = client
    self.cancellation = cancellation
    self.note = note
    self.warn = warn
  }

  /// Runs one drill of a profile, on the named of its repositories or the first.
  ///
  /// - Throws: what keeps it from being begun; it is told and remembered, too.
  public func run(
    _ drill: Drill, of profile: Profile, repository name: String? = nil,
    options: DrillRun.Options, observe: @escaping @Sendable (DrillStep) -> Void = { _ in }
  ) throws -> DrillRun.Outcome {
    let settings = try configuration.repository(name, of: profile)
    let journal = RunJournal(client: client)
    let notifier = Notifier(
      targets: profile.notify.compactMap { configuration.notifications[$0] },
      cancellation: cancellation)
    var record = RunRecord(
      id: Hex.encode(SecureRandom.bytes(16)), activity: .drill, name: profile.name,
      repository: settings.name, started: WallClock.now(), result: .started)
    record.detail = drill.name
    let previous = (try? journal.records(activity: .drill, name: profile.name))?
      .last { $0.detail == drill.name }
    remember(record, in: journal)
    tell(notifier, .start, record, previous)
    do {
      let outcome = try start(drill, profile, settings, id: record.id, options, observe)
      record.result = outcome.record.hasPassed ? .success : .failure
      record.message = outcome.record.summary
      record.notice = outcome.record.notice
      record.isInterrupted = !outcome.record.hasPassed && cancellation.isCancelled
      finish(&record, journal, notifier, previous)
      if let failure = outcome.receiptFailure {
        warn("there is no receipt of this drill, or no proof of it: \(failure.description)")
      }
      do {
        try DrillStore(client: client).keep(DrillDocument(outcome))
      } catch {
        warn("the documents of this drill are not kept: \(error)")
      }
      return outcome
    } catch {
      record.result = .failure
      record.message = (error as? VarveError)?.message ?? "\(error)"
      record.isInterrupted = cancellation.isCancelled
      finish(&record, journal, notifier, previous)
      throw error
    }
  }

  private func start(
    _ drill: Drill, _ profile: Profile, _ settings: RepositorySettings, id: String,
    _ options: DrillRun.Options, _ observe: @escaping @Sendable (DrillStep) -> Void
  ) throws -> DrillRun.Outcome {
    let cancellation = cancellation
    let phase = Phase()
    let opening = RepositoryOpening(
      settings, client: client,
      isInterrupted: {
        if !phase.isEnding.load(ordering: .relaxed) { try cancellation.check() }
      }, note: note, warn: warn)
    var options = options
    options.trust = TimeTrust(
      policy: try opening.witnessPolicy(),
      authorities: try settings.timestampAuthorities.map(TimestampAuthorities.file))
    return try DrillRun(
      try opening.indexed(), profile, drill, id: id, options: options, cancellation: cancellation,
      observe: observe, willLog: { phase.isEnding.store(true, ordering: .relaxed) }
    ).run()
  }

  /// A drill that was stopped still says so in the log.
  private final class Phase: Sendable {
    let isEnding = Atomic<Bool>(false)
  }

  private func finish(
    _ record: inout RunRecord, _ journal: RunJournal, _ notifier: Notifier, _ previous: RunRecord?
  ) {
    record.ended = WallClock.now()
    remember(record, in: journal)
    tell(notifier, record.result == .success ? .success : .failure, record, previous)
  }

  private func remember(_ record: RunRecord, in journal: RunJournal) {
    do {
      try journal.append(record)
    } catch {
      warn("this drill is not remembered: \(error)")
    }
  }

  private func tell(
    _ notifier: Notifier, _ event: NotificationTarget.Event, _ record: RunRecord,
    _ previous: RunRecord?
  ) {
    for failure in notifier.send(event, about: record, previous: previous) { warn(failure) }
  }
}
