import Dispatch
import Synchronization
public import Testing
import VarveTestSupport

/// Runs tests on four threads of their own: they block, and a server in the same process needs the threads that Swift's
/// tasks share; or they wait, and others could use the processor.
public struct OwnThreads: TestTrait, SuiteTrait, TestScoping {
  public var isRecursive: Bool { true }

  public func scopeProvider(for test: Test, testCase: Test.Case?) -> OwnThreads? {
    testCase == nil ? nil : self
  }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(ThreadExecutor.shared) { try await function() }
  }
}

extension Trait where Self == OwnThreads {
  public static var onOwnThreads: OwnThreads { OwnThreads() }
}

public final class ThreadExecutor: TaskExecutor {
  static let shared = ThreadExecutor(threadCount: 4)
  /// For the servers: other tests of the process block the threads that tasks share, for as long as they run.
  public static let servers = ThreadExecutor(threadCount: 4)

  private let jobs = Mutex<[UnownedJob]>([])
  private let count = DispatchSemaphore(value: 0)

  init(threadCount: Int) {
    for _ in 0..<threadCount {
      startThread {
        while true {
          self.count.wait()
          let job = self.jobs.withLock { $0.removeFirst() }
          job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
      }
    }
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLock { $0.append(job) }
    count.signal()
  }
}
