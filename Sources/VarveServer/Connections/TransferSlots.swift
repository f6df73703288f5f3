import Synchronization

/// So many transfers at a time; further ones wait in line, their bytes unread.
final class TransferSlots: Sendable {
  /// A slot that is taken for as long as somebody holds this.
  final class Taken: Sendable {
    private let slots: TransferSlots
    fileprivate init(_ slots: TransferSlots) { self.slots = slots }
    deinit { slots.leave() }
  }

  private struct State {
    var free: Int
    var next: UInt64 = 0
    var waiting: [(number: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
  }

  private let state: Mutex<State>

  init(count: Int) { state = Mutex(State(free: max(1, count))) }

  /// Waits for a slot.
  ///
  /// - Throws: `CancellationError` when the task is cancelled before there is one.
  func enter() async throws -> Taken {
    let number = state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
    let isEntered = await withTaskCancellationHandler {
      await withCheckedContinuation { wait(number, $0) }
    } onCancel: {
      let waiting = state.withLock { state in
        state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
      }
      waiting?.continuation.resume(returning: false)
    }
    guard isEntered else { throw CancellationError() }
    return Taken(self)
  }

  private func wait(_ number: UInt64, _ continuation: CheckedContinuation<Bool, Never>) {
    let isEntered = state.withLock { state -> Bool? in
      // Who cancels from here on finds the entry.
      if Task.isCancelled { return false }
      guard state.free == 0 else {
        state.free -= 1
        return true
      }
      state.waiting.append((number, continuation))
      return nil
    }
    if let isEntered { continuation.resume(returning: isEntered) }
  }

  private func leave() {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst().continuation }
      state.free += 1
      return nil
    }
    next?.resume(returning: true)
  }
}
