import Glibc
import Synchronization
import VarveRepository

/// SIGINT, SIGTERM and SIGHUP ask the command to stop; a second one ends it at once.
enum Interruption {
  /// Raised by the first signal.
  static let flag = CancellationFlag()
  private static let signals = Atomic<Int>(0)

  static func install() {
    // Both are touched here, before a handler can run: their initialisation is not
    // async-signal-safe, reading them afterwards is.
    _ = flag.isCancelled
    _ = signals.load(ordering: .relaxed)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      if Interruption.signals.add(1, ordering: .relaxed).oldValue > 0 {
        _exit(ExitStatus.interrupted.rawValue)
      }
      Interruption.flag.cancel()
    }
    action.sa_flags = SA_RESTART
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      var inherited = sigaction()
      sigaction(signal, nil, &inherited)
      // nohup and background shells start us with a signal ignored: so it stays.
      let isIgnored = unsafeBitCast(inherited.__sigaction_handler.sa_handler, to: Int.self) == 1
      if !isIgnored { sigaction(signal, &action, nil) }
    }
    signal(SIGPIPE, SIG_IGN)
  }
}
