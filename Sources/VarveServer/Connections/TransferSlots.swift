// So many transfers at a time; further ones wait in line, their bytes unread.
//
//     share      whoever is named holds at most a quarter of the slots, and at least one; who is not named, any number
//     order      a slot that becomes free goes to the first in line who may have it; those whose share is used up are
//                passed over, and keep their place
//
// So while a slot is free, everybody in line has his share: one who comes anew passes over nobody, and one who leaves lets
// in one at most.

import Synchronization

/// Places for transfers.
package final class TransferSlots: Sendable {
  /// A slot that is taken for as long as somebody holds this.
  package final class Taken: Sendable {
    private let slots: TransferSlots
    private let holder: String?

    fileprivate init(_ slots: TransferSlots, _ holder: String?) {
      self.slots = slots
      self.holder = holder
    }

    deinit { slots.leave(holder) }
  }

  private struct Waiting {
    let number: UInt64
    let holder: String?
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct State {
    let share: Int
    var free: Int
    /// Slots by who holds them; nobody is there with none.
    var held: [String: Int] = [:]
    var next: UInt64 = 0
    var waiting: [Waiting] = []

    func isOpen(to holder: String?) -> Bool {
      guard free > 0 else { return false }
      return holder.map { held[$0, default: 0] < share } ?? true
    }

    mutating func take(_ holder: String?) {
      free -= 1
      if let holder { held[holder, default: 0] += 1 }
    }

    mutating func giveBack(_ holder: String?) {
      free += 1
      guard let holder, let count = held[holder] else { return }
      held[holder] = count > 1 ? count - 1 : nil
    }
  }

  private let state: Mutex<State>

  package init(count: Int) {
    let count = max(1, count)
    state = Mutex(State(share: max(1, count / 4), free: count))
  }

  /// How many are in line.
  package var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// Waits for a slot.
  ///
  /// - Parameter holder: whose share it comes from.
  /// - Throws: `CancellationError` when the task is cancelled before there is one.
  package func enter(for holder: String? = nil) async throws -> Taken {
    let number = state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
    let isEntered = await withTaskCancellationHandler {
      await withCheckedContinuation { wait(number, holder, $0) }
    } onCancel: {
      let waiting = state.withLock { state in
        state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
      }
      waiting?.continuation.resume(returning: false)
    }
    guard isEntered else { throw CancellationError() }
    return Taken(self, holder)
  }

  private func wait(
    _ number: UInt64, _ holder: String?, _ continuation: CheckedContinuation<Bool, Never>
  ) {
    let isEntered = state.withLock { state -> Bool? in
      // Who cancels from here on finds the entry.
      if Task.isCancelled { return false }
      guard state.isOpen(to: holder) else {
        state.waiting.append(Waiting(number: number, holder: holder, continuation: continuation))
        return nil
      }
      state.take(holder)
      return true
    }
    if let isEntered { continuation.resume(returning: isEntered) }
  }

  private func leave(_ holder: String?) {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      state.giveBack(holder)
      guard let index = state.waiting.firstIndex(where: { state.isOpen(to: $0.holder) }) else {
        return nil
      }
      let next = state.waiting.remove(at: index)
      state.take(next.holder)
      return next.continuation
    }
    next?.resume(returning: true)
  }
}
