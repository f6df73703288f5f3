import VarveFormat
import VarveStorage

/// Answers on their way from a connection's reading thread to the thread that waits for them.
///
/// Memory for data is lent by the waiting thread; the reading thread touches it only with the lock held and only until
/// the queue is abandoned, so that a caller which fails may return at once.
final class SFTPAnswerQueue: @unchecked Sendable {
  private let condition = Condition()
  private var arrived: [(tag: Int, answer: SFTPAnswer)] = []
  private var failure: VarveError?
  private var isAbandoned = false

  /// Adds the answer that `decode` makes.
  ///
  /// - Parameter decode: is told whether memory lent for the answer may be written to.
  func deliver(tag: Int, _ decode: (_ isAwaited: Bool) throws -> SFTPAnswer?) rethrows {
    try condition.locked {
      if let answer = try decode(!isAbandoned), !isAbandoned {
        arrived.append((tag, answer))
        condition.signal()
      }
    }
  }

  /// Nothing more will come.
  func fail(_ error: VarveError) {
    condition.locked {
      failure = failure ?? error
      condition.signal()
    }
  }

  /// Whoever waited does so no longer; memory that was lent is not touched any more.
  func abandon() {
    condition.locked {
      isAbandoned = true
      arrived = []
    }
  }

  /// Waits for answers.
  ///
  /// - Throws: why the connection ended.
  func take() throws -> [(tag: Int, answer: SFTPAnswer)] {
    try condition.locked {
      while arrived.isEmpty {
        if let failure { throw failure }
        condition.wait()
      }
      defer { arrived = [] }
      return arrived
    }
  }
}
