import VarveFormat
import VarveRepository

/// Tells of a repository's maintenance: the notifications that the repository names of everything that they want to know;
/// where it names none, those of the profiles that use it of failures and of their end, and their pings, which say how the
/// profile is, of failures alone.
///
/// Pings hear once of each pass, by the worst of it; of a good one only when nothing else is known to be wrong. What was
/// stopped is made up for, and not told. A failure that goes on is told once a day: timers try again every half hour.
struct MaintenanceNotices {
  private static let day: Int64 = 86_400

  private let surroundings: RunSurroundings
  private let notifier: Notifier
  /// Whether the repository names them itself.
  private let isOwn: Bool
  private var hasBegun = false
  /// Of this pass, for pings.
  private var parts: [Notifier.Part] = []

  init(_ settings: RepositorySettings, _ surroundings: RunSurroundings) {
    self.surroundings = surroundings
    isOwn = !settings.notify.isEmpty
    notifier = Notifier(
      targets: Self.targets(of: settings, surroundings.configuration),
      cancellation: surroundings.cancellation)
  }

  private static func targets(
    of settings: RepositorySettings, _ configuration: Configuration
  ) -> [NotificationTarget] {
    let known = configuration.notifications
    guard settings.notify.isEmpty else { return settings.notify.compactMap { known[$0] } }
    let users = configuration.profiles.values.filter { $0.repositories.contains(settings.name) }
    return Set(users.flatMap(\.notify)).sorted().compactMap { name in
      guard var target = known[name] else { return nil }
      target.events.formIntersection(target.isPing ? [.failure] : [.failure, .recovery])
      return target
    }
  }

  /// A task begins.
  mutating func begin(_ record: RunRecord) {
    guard isOwn else { return }
    let part = Notifier.Part(record: record, previous: nil)
    warn(notifier.send(.start, aboutPart: part))
    if !hasBegun { warn(notifier.ping(.start, aboutAll: [part])) }
    hasBegun = true
  }

  /// A task has ended.
  ///
  /// - Parameter history: records of the same activity before it, oldest first.
  mutating func end(_ record: RunRecord, after history: [RunRecord]) {
    guard !record.isInterrupted else { return }
    let part = Notifier.Part(record: record, previous: history.last { !$0.isInterrupted })
    let isNews = record.result != .failure || Self.isNews(record, after: history)
    if isNews { warn(notifier.send(aboutPart: part)) }
    if isNews || isOwn { parts.append(part) }
  }

  /// The repository can be opened: where it could not be, that is over.
  mutating func opened(_ record: RunRecord) {
    let history = surroundings.history(of: record)
    guard let last = history.last(where: { !$0.isInterrupted }), last.result == .failure else {
      return
    }
    surroundings.remember(record)
    end(record, after: history)
  }

  /// The pass is over.
  ///
  /// - Parameter isFailing: whether something of the maintenance is known to be wrong, whatever came of this pass.
  func close(isFailing: Bool) {
    guard !isFailing || parts.contains(where: { $0.record.result == .failure }) else { return }
    warn(notifier.ping(aboutAll: parts))
  }

  private func warn(_ failures: [String]) {
    for failure in failures { surroundings.warn(failure) }
  }

  /// Whether it is the first of its kind, or the first of another day since then.
  static func isNews(_ failure: RunRecord, after history: [RunRecord]) -> Bool {
    let ended = history.filter { !$0.isInterrupted && $0.result != .started }
    let failures = ended.reversed().prefix { $0.result == .failure }
    guard let last = failures.first, let first = failures.last else { return true }
    func day(_ record: RunRecord) -> Int64 {
      max(0, record.started.seconds - first.started.seconds) / Self.day
    }
    return day(failure) != day(last)
  }
}

extension RunSurroundings {
  /// What this host remembers of a record's activity and name.
  func history(of record: RunRecord) -> [RunRecord] {
    do {
      return try journal.records(activity: record.activity, name: record.name)
    } catch {
      warn("the journal of this host's runs cannot be read: \(error)")
      return []
    }
  }
}
