import VarveFormat
import VarveRepository

extension RunSurroundings {
  /// The profiles that are due by their schedules and this host's journal, by name.
  ///
  /// One that this host has never run is due at once, and so is one whose last run did not come to an end; whether it is under
  /// way is for its lock to say. The time counts from when the last run began, whatever came of it.
  ///
  /// - Throws: `.io` when the journal cannot be read.
  public func dueProfiles() throws -> [Profile] {
    let now = WallClock.now()
    return try configuration.profiles.values.sorted { $0.name < $1.name }.filter { profile in
      guard let schedule = profile.schedule else { return false }
      guard let last = try journal.records(activity: .backup, name: profile.name).last,
        last.result != .started
      else { return true }
      // A clock that was set back must not keep a profile waiting until it has caught up.
      if last.started > now { return true }
      return schedule.next(after: last.started).map { $0 <= now } ?? false
    }
  }
}
