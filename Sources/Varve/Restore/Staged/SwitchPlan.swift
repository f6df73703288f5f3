import CVarveLinux
import Glibc
internal import VarveFormat

/// What a switch will do, in its order: what is no directory where one is to be goes, then what was staged is put in its
/// place, then what databases had beside themselves goes.
struct SwitchPlan {
  struct Step {
    let path: [UInt8]
    /// Whether something was staged for the place; else what is there goes.
    let puts: Bool
  }

  let steps: [Step]
  /// Places of the first steps, which are never to be left empty.
  let places: [[UInt8]]

  /// Makes sure that each step can be made: that what it puts in place is there, and that the place is on the target's own
  /// file system.
  ///
  /// - Throws: `.io` when one cannot.
  init(_ plan: ChangePlan, staged: TargetPlaces, in target: TargetPlaces) throws {
    places = plan.obstacles + plan.written
    steps =
      plan.obstacles.map { Step(path: $0, puts: false) }
      + plan.written.map { Step(path: $0, puts: true) }
      + plan.companions.map { Step(path: $0, puts: false) }
    var reached: Set<[UInt8]> = [[]]
    for step in steps {
      var status = FileStatus()
      guard try !step.puts || staged.look(at: step.path, &status) else {
        throw VarveError(
          .io, "\(EscapedBytes.text(step.path)) could not be staged; nothing was changed",
          hint: "see what 'varve restore' says of it without --safety and --atomic")
      }
      try Self.reach(TargetPlaces.above(step.path), target, &reached)
      if try target.look(at: step.path, &status), status.isMounted(on: target.device) {
        throw ChangePlan.liesElsewhere(step.path)
      }
    }
  }

  /// Makes sure that nothing is mounted on the way to a directory, so far as it is there.
  private static func reach(
    _ path: [UInt8], _ target: TargetPlaces, _ reached: inout Set<[UInt8]>
  ) throws {
    guard !reached.contains(path) else { return }
    try reach(TargetPlaces.above(path), target, &reached)
    var status = FileStatus()
    if try target.look(at: path, &status), status.isMounted(on: target.device) {
      throw ChangePlan.liesElsewhere(path)
    }
    reached.insert(path)
  }
}
