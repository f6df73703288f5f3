import VarveTestSupport

extension Simulation {
  /// A call, or a client's start, that waits for its turn.
  final class Waiting {
    let call: StorageCall?
    var verdict = Verdict.pass
    let turn = Semaphore()

    init(_ call: StorageCall?) { self.call = call }
  }

  final class Client {
    let plan: ClientPlan
    var waiting = [Waiting(nil)]
    var calls = 0
    var isDead = false
    var isFinished = false
    var metFault = false
    var outcomes: [ActOutcome] = []

    init(_ plan: ClientPlan) { self.plan = plan }

    /// What it waits with: what has its turn if the client goes on.
    var call: StorageCall? { waiting.first?.call }
  }

  struct Step: CustomStringConvertible {
    var turn: Turn
    var call: StorageCall?

    var description: String {
      let what = call.map { "\($0.verb) \($0.name.prefix(28))" } ?? "starts"
      switch turn {
      case .client(let number, .pass): return "\(number): \(what)"
      case .client(let number, let verdict): return "\(number): \(what)  [\(verdict)]"
      case .network(let number): return "network \(number): \(what)"
      }
    }
  }
}
