internal import Synchronization
internal import VarveFormat
internal import VarveStorage

/// What all stages of a check share: where to look, whom to tell, and what was found so far.
final class CheckSession: Sendable {
  let storage: any StorageBackend
  let options: CheckOptions
  let cancellation: CancellationFlag
  let progress: CheckProgress
  private let observer: (any CheckObserver)?

  private struct Findings {
    var damages: [CheckReport.Damage] = []
    var known: Set<CheckReport.Damage> = []
    var notChecked: [String] = []
  }
  private let findings = Mutex(Findings())

  init(
    storage: any StorageBackend, options: CheckOptions, observer: (any CheckObserver)?,
    cancellation: CancellationFlag
  ) {
    self.storage = storage
    self.options = options
    self.cancellation = cancellation
    self.observer = observer
    progress = observer?.progress ?? CheckProgress()
  }

  var workers: Int { max(1, options.workers ?? WorkerThreads.processorCount) }

  var verifiesProofRoots: Bool { options.verifyProofRoots ?? (options.readData == .all) }

  var damages: [CheckReport.Damage] { findings.withLock { $0.damages } }
  var notChecked: [String] { findings.withLock { $0.notChecked } }

  func began(_ stage: CheckStage) throws {
    try cancellation.check()
    observer?.began(stage)
  }

  /// Records damage; the same damage counts once.
  func add(_ damage: CheckReport.Damage) {
    let isNew = findings.withLock { findings in
      guard findings.known.insert(damage).inserted else { return false }
      findings.damages.append(damage)
      return true
    }
    guard isNew else { return }
    progress.damages.add(1, ordering: .relaxed)
    observer?.found(damage)
  }

  /// Records that looking at `object` failed.
  ///
  /// - Throws: the error itself when it does not speak of damage: an interruption, or an authentic object
  ///   of a newer format.
  func add(_ object: String, _ error: any Error, isDerived: Bool = false) throws {
    let kind = try Self.kind(of: error)
    add(
      CheckReport.Damage(
        object: object, kind: kind, message: Self.message(of: error), isDerived: isDerived))
  }

  static func kind(of error: any Error) throws -> CheckReport.Damage.Kind {
    guard let error = error as? VarveError else { throw error }
    switch error.code {
    case .damaged: return .damaged
    case .missing: return .missing
    case .io: return .unreadable
    default: throw error
    }
  }

  static func message(of error: any Error) -> String { "\(error)" }

  /// Records what could not be looked at, and why.
  func addNotChecked(_ reason: String) {
    findings.withLock { if !$0.notChecked.contains(reason) { $0.notChecked.append(reason) } }
  }
}
