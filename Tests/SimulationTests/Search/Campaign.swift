import Glibc
import VarveFormat
import VarveRepository
import VarveTestSupport

/// Settings of a campaign, from the environment.
enum Environment {
  static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
  static func number(_ name: String) -> UInt64? { text(name).flatMap { UInt64($0) } }

  /// `make soak`: full counts.
  static var isSoak: Bool { text("VARVE_SOAK") != nil }

  /// Violations after which a campaign ends.
  static var failureLimit: Int { text("VARVE_SIMULATION_ALL") == nil ? 1 : .max }

  /// Runs at the same time.
  static var lanes: Int {
    number("VARVE_SIMULATION_LANES").map { Int($0) }
      ?? (isSoak ? WorkerThreads.processorCount : 1)
  }
}

/// Prints a line that is to be seen at once.
func say(_ line: String) {
  print(line)
  fflush(nil)
}

enum RunDirectory {
  /// In memory where there is such a place: clients sync what they keep.
  static var parent: String? { access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil }

  /// Removes a run's directory; a process for each would take longer than the run.
  static func remove(_ path: String) {
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
    }
    closedir(directory)
    rmdir(path)
  }
}

/// What many runs came to.
struct Campaign: CustomStringConvertible {
  struct Run {
    var steps = 0
    var commits = 0
    var partials = 0
    var acts = 0
    var faults = 0
    var failedActs: [String] = []
    var failure: String?
  }

  private(set) var runs = 0
  private(set) var steps = 0
  private(set) var commits = 0
  private(set) var partials = 0
  private(set) var acts = 0
  private(set) var faults = 0
  private(set) var failures: [String] = []
  private(set) var firstFailure: Int?
  private(set) var failedActs: [String: Int] = [:]

  mutating func add(_ run: Run) {
    runs += 1
    steps += run.steps
    commits += run.commits
    partials += run.partials
    acts += run.acts
    faults += run.faults
    for failed in run.failedActs { failedActs[failed, default: 0] += 1 }
    if let failure = run.failure {
      failures.append(failure)
      firstFailure = firstFailure ?? runs
    }
  }

  var description: String {
    let failed = failedActs.sorted { $0.value > $1.value }.prefix(30)
      .map { "\n    \($0.value) × \($0.key)" }.joined()
    return
      "\(runs) runs, \(steps) steps, \(commits) commits, \(partials) partial snapshots, \(acts) acts, \(faults) faults, "
      + "\(failures.count) violations\(failed)"
  }

  static func run(
    seed: UInt64, in world: World, directory: String, isVerbose: Bool = false,
    reach: Simulation.Reach = .calls(reportsEarly: false)
  ) -> Run {
    let (past, plans) = RandomPlans.make(seed: seed)
    return run(
      "seed \(seed)", plans, on: world.pasts[past], in: world, directory: directory,
      schedule: RandomSchedule(seed: seed, clients: plans.count, isHTTP: reach.isHTTP),
      isVerbose: isVerbose, reach: reach)
  }

  static func run(
    _ name: String, _ plans: [ClientPlan], on past: World.Past, in world: World,
    directory: String, schedule: any Schedule, isVerbose: Bool = false,
    reach: Simulation.Reach = .calls(reportsEarly: false)
  ) -> Run {
    defer { RunDirectory.remove(directory) }
    var result = Run()
    do {
      let simulation = try Simulation(
        plans, on: past, in: world, directory: directory, schedule: schedule,
        reach: reach)
      do {
        try simulation.run()
        if simulation.isComplete {
          schedule.ended(simulation)
          try simulation.rest()
        }
      } catch {
        result.failure = "\(name): \(error)"
      }
      result.steps = simulation.steps.count
      result.commits = simulation.oracle.commits
      result.partials = simulation.oracle.partials
      for step in simulation.steps {
        if case .client(_, let verdict) = step.turn, verdict != .pass { result.faults += 1 }
      }
      for outcome in simulation.clients.flatMap(\.outcomes) {
        result.acts += 1
        if let failure = outcome.failure {
          let kind = "\(outcome.act)".prefix { $0 != "(" }
          let text = "\(failure)".split(separator: " ").map {
            $0.contains("/") || $0.utf8.count == 64 ? "…" : String($0)
          }.joined(separator: " ")
          let why = outcome.metFault ? "after a fault" : text
          result.failedActs.append("\(kind): \(failure.code.rawValue) \(why)")
        }
      }
      if isVerbose || result.failure != nil {
        let plan = plans.enumerated().map { "  client \($0.offset): \($0.element)" }
        let steps = simulation.steps.enumerated().map { "  \($0.offset) \($0.element)" }
        let text = (plan + steps).joined(separator: "\n")
        if isVerbose { print(text) }
        if let failure = result.failure { result.failure = failure + "\n" + text }
      }
    } catch {
      result.failure = "\(name) could not begin: \(error)"
    }
    return result
  }
}
