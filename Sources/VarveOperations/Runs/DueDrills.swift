import VarveFormat
import VarveRepository

/// A drill and the profile that it is of.
public struct ProfileDrill: Sendable {
  public let profile: Profile
  public let drill: Drill
}

extension RunSurroundings {
  /// The drills that are due by their schedules and this host's journal, by profile, in the order of the file. One that this
  /// host has never run is due at once, and so is one whose last run was killed or interrupted.
  ///
  /// - Throws: `.io` when the journal cannot be read.
  public func dueDrills() throws -> [ProfileDrill] {
    let now = WallClock.now()
    var due: [ProfileDrill] = []
    for name in configuration.profiles.keys.sorted() {
      guard let profile = configuration.profiles[name] else { continue }
      let records = try journal.records(activity: .drill, name: name)
      for drill in profile.drills {
        guard let schedule = drill.schedule else { continue }
        let lastRun = records.last { $0.detail == drill.name }?.countedFrom
        if schedule.isDue(at: now, lastRun: lastRun) {
          due.append(ProfileDrill(profile: profile, drill: drill))
        }
      }
    }
    return due
  }
}
