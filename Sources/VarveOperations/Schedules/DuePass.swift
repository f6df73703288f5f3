/// What is due, each piece of work once: also what comes due while others are under way.
///
/// A timer that comes round meanwhile starts nothing, since the pass is still running; so it goes on until nothing is left:
///
///     do: profiles that are due, until none is -> maintenance of each repository -> drills that are due
///     while any of it did something
///
/// What failed or was refused is not tried again before the next pass.
public struct DuePass {
  private let surroundings: RunSurroundings
  private var begun: Set<DueTask> = []
  /// Of each repository what was done; all where something failed.
  private var maintained: [String: Set<MaintenanceTask>] = [:]

  public init(_ surroundings: RunSurroundings) { self.surroundings = surroundings }

  /// The profiles that are due and have not been taken before, by name.
  ///
  /// - Throws: `.io` when the journal cannot be read.
  public mutating func takeProfiles() throws -> [Profile] {
    try surroundings.dueProfiles().filter { begun.insert(.profile($0.name)).inserted }
  }

  /// The same of drills, in the order of their profiles.
  public mutating func takeDrills() throws -> [ProfileDrill] {
    try surroundings.dueDrills().filter {
      begun.insert(.drill($0.drill.name, of: $0.profile.name)).inserted
    }
  }

  /// Does what is due of a repository's maintenance and was not done before, unless another host does.
  ///
  /// - Returns: what was done, and what failed.
  /// - Throws: `.refused` when another process of this host is at it; `.interrupted`.
  public mutating func maintain(_ repository: String) throws -> [RunRecord] {
    let done = maintained[repository] ?? []
    // Until it has come to a good end.
    maintained[repository] = Set(MaintenanceTask.allCases)
    let records = try surroundings.maintain(repository, except: done)
    if !records.contains(where: { $0.result == .failure }) {
      let activities = records.map(\.activity)
      maintained[repository] = done.union(
        MaintenanceTask.allCases.filter { activities.contains($0.journalActivity) })
    }
    return records
  }
}
