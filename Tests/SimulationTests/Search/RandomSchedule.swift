import VarveFormat
import VarveTestSupport

/// A schedule drawn from a seed.
///
/// Some seeds let anybody go on at each step, some stay with one client for long, some have an order of
/// precedence that changes at a few steps. Few faults each, or none: after many of them nobody does anything.
final class RandomSchedule: Schedule {
  private enum Style {
    case any
    /// Stays with the client but once in so many steps.
    case patient(Int)
    case precedence
  }

  private var random: SeededGenerator
  private let style: Style
  private var order: [Int]
  private var current = 0
  private var faults: Int
  private var crashes: Int
  /// A fault once in so many calls, while there are any left.
  private let rarity: Int
  private let isHTTP: Bool

  /// - Parameter isHTTP: whether faults are those of HTTP, after which clients ask again: there are more of them.
  init(seed: UInt64, clients: Int, isHTTP: Bool = false) {
    random = SeededGenerator(seed: seed &* 0x9e37_79b9 &+ 77)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: style = .any
    case 1, 2: style = .patient([3, 8, 20][Int.random(in: 0..<3, using: &random)])
    default: style = .precedence
    }
    order = Array(0..<clients).shuffled(using: &random)
    self.isHTTP = isHTTP
    faults = (isHTTP ? [1, 2, 4, 8, 16] : [0, 0, 1, 2, 4])[Int.random(in: 0..<5, using: &random)]
    crashes = [0, 0, 1, 1, 2][Int.random(in: 0..<5, using: &random)]
    rarity = (isHTTP ? [4, 10, 30] : [10, 40, 100])[Int.random(in: 0..<3, using: &random)]
  }

  func includes(_ name: String, cameMeanwhile: Bool) -> Bool { Bool.random(using: &random) }

  func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

  func next(_ simulation: Simulation) -> Turn? {
    passTime(simulation.store)
    let waiting = simulation.ready
    if !simulation.network.isEmpty, Int.random(in: 0..<12, using: &random) == 0 {
      return .network(Int.random(in: 0..<simulation.network.count, using: &random))
    }
    let client = choose(waiting)
    current = client
    return .client(client, verdict(on: simulation.clients[client].call))
  }

  private func choose(_ waiting: [Int]) -> Int {
    let anybody = waiting[Int.random(in: 0..<waiting.count, using: &random)]
    switch style {
    case .any: return anybody
    case .patient(let steps):
      return waiting.contains(current) && Int.random(in: 0..<steps, using: &random) > 0
        ? current : anybody
    case .precedence:
      if Int.random(in: 0..<40, using: &random) == 0 { order.shuffle(using: &random) }
      return order.first { waiting.contains($0) } ?? anybody
    }
  }

  private func verdict(on call: StorageCall?) -> Verdict {
    guard let call, faults + crashes > 0, Int.random(in: 0..<rarity, using: &random) == 0 else {
      return .pass
    }
    if crashes > 0 && (faults == 0 || Bool.random(using: &random)) {
      crashes -= 1
      return .die
    }
    faults -= 1
    let choices: [Verdict] =
      switch (call.isChange, isHTTP) {
      case (true, false): [.refuse, .loseReply, .duplicate, .late]
      case (false, false): [.refuse]
      case (true, true): Self.refusals + Self.changesOverHTTP
      case (false, true): Self.refusals + [.truncate]
      }
    return choices[Int.random(in: 0..<choices.count, using: &random)]
  }

  private static let refusals: [Verdict] =
    [.refuse] + [500, 503, 429, 409, 412].map { .answer($0, .none) }

  private static let changesOverHTTP: [Verdict] = [
    .loseReply, .loseReply, .duplicate, .duplicate, .late, .late, .truncate, .twice, .twice,
    .answer(500, .now), .answer(503, .now), .answer(500, .later), .answer(503, .later),
  ]

  /// Mostly moments, sometimes hours, so that sessions at work look dead and orphans old.
  private func passTime(_ store: SimulatedStore) {
    store.time.seconds +=
      Int.random(in: 0..<60, using: &random) == 0
      ? Int64.random(in: 1...10_000, using: &random) : Int64.random(in: 0...2, using: &random)
  }
}

/// The clients of a seed.
enum RandomPlans {
  static func make(seed: UInt64) -> (past: Int, clients: [ClientPlan]) {
    var random = SeededGenerator(seed: seed &* 0x51_7cc1_b727 &+ 3)
    let past = Int.random(in: 0..<2, using: &random)
    let count = Int.random(in: 2...4, using: &random)
    let clients = (0..<count).map { number in
      var acts = (0..<Int.random(in: 1...3, using: &random)).map { _ in Act.random(&random) }
      // There is something to be protected from in most runs.
      if number == 0 { acts[0] = .prune(grace: 0, repackSmall: Bool.random(using: &random)) }
      let canBeWriter = acts.allSatisfy(\.isForWriters) && number > 0 && number < 3
      return ClientPlan(
        key: canBeWriter && Bool.random(using: &random) ? .writer(number - 1) : .owner,
        acts: acts, keepsCache: Bool.random(using: &random),
        knowsPast: Int.random(in: 0..<4, using: &random) > 0,
        dateShift: [0, 0, 86_400, -86_400, 400_000_000][Int.random(in: 0..<5, using: &random)])
    }
    return (past, clients)
  }
}
