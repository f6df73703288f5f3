import Synchronization
import VarveFormat

/// Asks a running operation to stop; the operation polls it between units of work.
///
/// Setting it is async-signal-safe: a signal handler may do it.
public final class CancellationFlag: Sendable {
  private let raised = Atomic<Bool>(false)

  public init() {}

  /// Asks the operation to stop. Cannot be taken back.
  public func cancel() { raised.store(true, ordering: .relaxed) }

  public var isCancelled: Bool { raised.load(ordering: .relaxed) }

  /// One relaxed load.
  /// - Throws: `VarveError` with code `interrupted` once `cancel()` has been called.
  public func check() throws {
    if isCancelled {
      throw VarveError(
        .interrupted, "interrupted",
        hint: "nothing needs repair; run the same command again to go on")
    }
  }
}
