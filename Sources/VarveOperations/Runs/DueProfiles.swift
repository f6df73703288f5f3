import VarveFormat
import VarveRepository

extension RunSurroundings {
  /// The profiles that are due by their schedules and this host's journal, by name.
  ///
  /// One that this host has never run is due at once, and so is one whose last run was killed or interrupted; whether it is under
  /// way is for its lock to say. The time counts from when the last run began, whatever came of it.
  ///
  /// - Throws: `.io` when the journal cannot be read.
  public func dueProfiles() throws -> [Profile] {
    let now = WallClock.now()
    var due: [Profile] = []
    for name in configuration.profiles.keys.sorted() {
      guard let profile = configuration.profiles[name], let schedule = profile.schedule else {
        continue
      }
      let lastRun = try journal.records(activity: .backup, name: name).last?.countedFrom
      if schedule.isDue(at: now, lastRun: lastRun) { due.append(profile) }
    }
    return due
  }
}

extension RunRecord {
  /// What its schedule counts from; nil where it is to be made up for, since it was killed or interrupted.
  var countedFrom: Timestamp? { result == .started || isInterrupted ? nil : started }
}
