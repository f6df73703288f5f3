import VarveFormat

/// Failures that clients may meet when others are at work.
enum ExpectedFailures {
  static func allow(_ outcome: ActOutcome) -> Bool {
    guard let failure = outcome.failure else { return true }
    if outcome.metFault && failure.code == .io { return true }
    switch (outcome.act, failure.code) {
    case (.undo, .missing), (.undo, .notFound), (.tag, .notFound): return true
    // Who reads with what it knew before a prune without grace.
    case (.restore, .missing), (.tag, .missing), (.forget, .missing), (.forgetOld, .missing):
      return true
    default: return false
    }
  }
}
