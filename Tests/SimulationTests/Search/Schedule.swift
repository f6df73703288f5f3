import VarveFormat

/// What becomes of a call.
enum Verdict: Equatable {
  case pass
  /// No effect, and an error.
  case refuse
  /// The effect, and an error.
  case loseReply
  /// The effect, and again later.
  case duplicate
  /// An error, and the effect later.
  case late
  /// The client is no more; no effect.
  case die
  /// Over HTTP: this status in the answer's place.
  case answer(Int, Effect)
  /// Over HTTP: the effect, and half of the answer.
  case truncate
  /// Over HTTP: the effect twice, and the second answer.
  case twice

  enum Effect {
    case none, now, later
  }
}

/// Who goes on at a step.
enum Turn: Equatable {
  case client(Int, Verdict)
  /// The call with this number in the network arrives.
  case network(Int)
}

/// Chooses at each step. Asked by whichever thread came to a call; never by two at once.
protocol Schedule: AnyObject {
  /// Whether the run is on a way that was judged before.
  var isRepeating: Bool { get }
  /// - Returns: nil to end the run: all clients die.
  func next(_ simulation: Simulation) -> Turn?
  /// Whether an object that came, or went, while a list was made is in it.
  func includes(_ name: String, cameMeanwhile: Bool) -> Bool
  /// Which of so many calls of one client, that wait at once, is next.
  func pick(_ count: Int) -> Int
  /// A call had its turn, and this is what it met: the object of that name, or all below it.
  func performed(_ call: StorageCall, by client: Int, on store: SimulatedStore)
  /// All clients have come to their ends.
  func ended(_ simulation: Simulation)
}

extension Schedule {
  var isRepeating: Bool { false }
  func pick(_ count: Int) -> Int { 0 }
  func performed(_ call: StorageCall, by client: Int, on store: SimulatedStore) {}
  func ended(_ simulation: Simulation) {}
}
