import Glibc
import Synchronization

/// Ends the program with a message.
func fail(_ message: String) -> Never {
  let line = Array("\(message)\n".utf8)
  _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  exit(1)
}

/// Bytes of anonymous resident memory of this process: what the page cache has no part in.
func residentMemory() -> Int { statusField("/proc/self/status", "RssAnon:") * 1024 }

/// Bytes that this process has handed to `write`.
func bytesWritten() -> Int { statusField("/proc/self/io", "wchar:") }

private func statusField(_ path: String, _ name: String) -> Int {
  guard let file = fopen(path, "r") else { fail("cannot read \(path)") }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, 256, file) != nil {
    guard strncmp(line, name, strlen(name)) == 0 else { continue }
    return line.withUnsafeBufferPointer { atol($0.baseAddress! + strlen(name)) }
  }
  fail("\(path) has no \(name)")
}

func write(_ text: String, to path: String) {
  guard let file = fopen(path, "w"), fputs(text, file) >= 0, fclose(file) == 0 else {
    fail("cannot write \(path)")
  }
}

func remove(_ path: String) { try? spawn(program: "/bin/rm", ["-rf", "--", path]) }

/// Runs this program again, with other arguments, to its end.
func spawn(_ arguments: [String]) throws { try spawn(program: "/proc/self/exe", arguments) }

private func spawn(program: String, _ arguments: [String]) throws {
  var child = pid_t()
  var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  guard posix_spawn(&child, program, nil, nil, &pointers, environ) == 0 else {
    fail("cannot run \(program)")
  }
  var status: Int32 = 0
  waitpid(child, &status, 0)
  if status != 0 { fail("\(program) \(arguments.first ?? "") has failed") }
}

/// Looks at the process's anonymous memory every 20 ms and remembers the most.
final class MemorySampler: Sendable {
  private final class State: Sendable {
    let most = Atomic<Int>(0)
    let isDone = Atomic<Bool>(false)
  }

  private let state = State()
  private let thread: pthread_t

  init() {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(state).toOpaque()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let state = Unmanaged<State>.fromOpaque(argument).takeRetainedValue()
        while !state.isDone.load(ordering: .relaxed) {
          let now = residentMemory()
          if now > state.most.load(ordering: .relaxed) { state.most.store(now, ordering: .relaxed) }
          usleep(20_000)
        }
        return nil
      }, argument)
    if result != 0 { fail("no thread for the memory sampler") }
    self.thread = thread
  }

  /// The most bytes that were seen.
  func stop() -> Int {
    state.isDone.store(true, ordering: .relaxed)
    pthread_join(thread, nil)
    return state.most.load(ordering: .relaxed)
  }
}
