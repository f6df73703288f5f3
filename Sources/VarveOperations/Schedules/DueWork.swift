public import VarveFormat
import VarveRepository

/// A piece of work that a configuration has a schedule for.
public enum DueTask: Hashable, Sendable {
  case profile(String)
  case drill(String, of: String)
  /// Of a repository; which part of it is due, its log says.
  case maintenance(String)
}

extension DueTask: CustomStringConvertible {
  public var description: String {
    switch self {
    case .profile(let name): "profile \(name)"
    case .drill(let name, let profile): "drill \(name) of \(profile)"
    case .maintenance(let name): "maintenance of \(name)"
    }
  }
}

/// What a configuration has schedules for: what is due of it, and doing it.
///
/// The time of a profile or drill counts from when it last began on this host, whatever came of that. What never ran, was
/// killed or was interrupted is due at once.
public struct DueWork: Sendable {
  public let surroundings: RunSurroundings
  /// Below which drills restore.
  private let drillDirectory: String

  public init(_ surroundings: RunSurroundings, drillDirectory: String) {
    self.surroundings = surroundings
    self.drillDirectory = drillDirectory
  }

  private var configuration: Configuration { surroundings.configuration }

  /// All work that has a schedule: profiles, then drills, then repositories, each by name.
  public var tasks: [(task: DueTask, schedules: [Schedule])] {
    let profiles = configuration.profiles.values.sorted { $0.name < $1.name }
    let captures = profiles.compactMap { profile in
      profile.schedule.map { (task: DueTask.profile(profile.name), schedules: [$0]) }
    }
    let drills = profiles.flatMap { profile in
      profile.drills.compactMap { drill in
        drill.schedule.map {
          (task: DueTask.drill(drill.name, of: profile.name), schedules: [$0])
        }
      }
    }
    let repositories = configuration.repositories.values.sorted { $0.name < $1.name }
    let maintenance = repositories.compactMap { settings in
      let all = [
        settings.maintenance.forget, settings.maintenance.prune, settings.maintenance.check,
      ].compactMap { $0 }
      return all.isEmpty ? nil : (task: DueTask.maintenance(settings.name), schedules: all)
    }
    return captures + drills + maintenance
  }

  /// The repositories that a task works on.
  public func repositories(of task: DueTask) -> Set<String> {
    switch task {
    case .profile(let name): Set(configuration.profiles[name]?.repositories ?? [])
    case .drill(_, of: let name):
      Set((configuration.profiles[name]?.repositories ?? []).prefix(1))
    case .maintenance(let name): [name]
    }
  }

  /// When this host last began a task; nil for never. Of maintenance any part counts.
  ///
  /// - Throws: `.io` when the journal cannot be read.
  public func lastRun(of task: DueTask) throws -> RunRecord? {
    let journal = surroundings.journal
    switch task {
    case .profile(let name): return try journal.records(activity: .backup, name: name).last
    case .drill(let drill, of: let profile):
      return try journal.records(activity: .drill, name: profile).last { $0.detail == drill }
    case .maintenance(let name):
      return try [RunRecord.Activity.forget, .prune, .check].compactMap {
        try journal.records(activity: $0, name: name).last
      }.max { $0.started.seconds < $1.started.seconds }
    }
  }

  /// When a task is due: now, or when its schedule next comes round. A run that was killed or interrupted is made up for at once.
  ///
  /// - Throws: `.io` when the journal cannot be read.
  public func next(
    _ task: DueTask, _ schedules: [Schedule], after now: Timestamp, zone: ZoneOffsets = .local
  ) throws -> Timestamp? {
    let begun = try lastRun(of: task)?.countedFrom
    let moments = schedules.compactMap { schedule in
      schedule.isDue(at: now, lastRun: begun, zone: zone)
        ? now : schedule.next(after: now, lastRun: begun, zone: zone)
    }
    return moments.min { $0.seconds < $1.seconds }
  }

  /// Does a task, due or not; of maintenance what its log says is due.
  ///
  /// - Returns: what came of it.
  /// - Throws: `.refused` when another process of this host is at it; `.interrupted`; of drills also what kept them from
  ///   being begun.
  public func run(_ task: DueTask) throws -> [RunRecord] {
    switch task {
    case .profile(let name):
      return try ProfileRun(try configuration.profile(name), surroundings).run()
    case .maintenance(let name): return try surroundings.maintain(name)
    case .drill(let name, of: let profileName):
      let profile = try configuration.profile(profileName)
      guard let drill = profile.drills.first(where: { $0.name == name }) else { return [] }
      let operation = DrillOperation(
        configuration, client: surroundings.client, cancellation: surroundings.cancellation,
        note: surroundings.note, warn: surroundings.warn)
      let outcome = try operation.run(
        drill, of: profile, options: DrillRun.Options(base: drillDirectory))
      if outcome.isInterrupted { try surroundings.cancellation.check() }
      return try lastRun(of: task).map { [$0] } ?? []
    }
  }
}
