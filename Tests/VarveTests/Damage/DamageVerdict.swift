import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// What became of many damages.
struct DamageTally {
  var damages = 0
  /// Of them, those after which nothing could be read any more: the repository does not open.
  var unopened = 0
  /// Of them, those of objects that are derived, after which everything still reads right.
  var derived = 0
  /// Of the others, those after which each snapshot still reads right, or is refused.
  var undetected: [String] = []
  var wrong: [String] = []
  private let start = MonotonicClock.nanoseconds

  var isRight: Bool { undetected.isEmpty && wrong.isEmpty }

  mutating func note(undetected what: String) {
    if undetected.count < 20 { undetected.append(what) }
  }

  mutating func note(wrong what: String) { if wrong.count < 20 { wrong.append(what) } }

  /// One line with the figures; for a soak's record.
  func print(_ what: String) {
    let milliseconds = (MonotonicClock.nanoseconds - start) / 1_000_000
    let line =
      "\(what): \(damages) damages in \(milliseconds) ms: \(damages - undetected.count) detected, "
      + "\(unopened) of them on opening, \(derived) of derived objects; "
      + "\(undetected.count) undetected, \(wrong.count) wrong\n"
    _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  }
}

/// The whole engine after each damage: open, unlock, check with all data, read all snapshots.
struct WholeVerdict {
  let bench: DamageBench

  /// - Parameter remembers: whether the client has seen the repository before, and has its index cached.
  func judge(_ name: String, _ what: String, remembers: Bool, _ tally: inout DamageTally) {
    tally.damages += 1
    let client = remembers ? bench.bench.client : bench.stranger()
    defer { if !remembers { bench.forget(client) } }
    var options = CheckOptions(readData: .all)
    options.record = false
    options.workers = 1
    do {
      let report = try Check.run(storage: bench.damaged, client: client, options: options) {
        try bench.unlock($0.storage, client)
      }
      if !report.damages.contains(where: { $0.object == name }) {
        // Where a commit is unreadable the others cannot be told from it.
        if !report.isDamaged { tally.note(undetected: "\(name) \(what)") }
      }
      let isDerived = !report.damages.isEmpty && report.damages.allSatisfy(\.isDerived)
      if isDerived { tally.derived += 1 }
    } catch let error as VarveError {
      if error.code == .io || error.code == .interrupted {
        tally.note(wrong: "\(name) \(what): \(error)")
      }
    } catch {
      tally.note(wrong: "\(name) \(what): \(error)")
    }
    read(name, what, client, &tally)
  }

  private func read(
    _ name: String, _ what: String, _ client: ClientDirectories, _ tally: inout DamageTally
  ) {
    let unlocked: UnlockedRepository
    do {
      unlocked = try bench.unlock(bench.damaged, client)
    } catch {
      tally.unopened += 1
      if !(error is VarveError) { tally.note(wrong: "\(name) \(what): \(error)") }
      return
    }
    for (number, id) in bench.snapshots.enumerated() {
      do {
        if try bench.read(id, unlocked) != bench.content[number] {
          tally.note(wrong: "\(name) \(what): snapshot \(number) reads as another")
        }
      } catch {
        if !(error is VarveError) { tally.note(wrong: "\(name) \(what): \(error)") }
      }
    }
  }

  /// Restores every snapshot to disk: each file is as it was, or is not there.
  func restore(_ name: String, _ what: String, _ tally: inout DamageTally) throws {
    let client = bench.stranger()
    defer { bench.forget(client) }
    guard let unlocked = try? bench.unlock(bench.damaged, client),
      let repository = try? IndexedRepository(unlocked)
    else { return }
    for (number, id) in bench.snapshots.enumerated() {
      guard let record = try? unlocked.snapshotRecord(id) else { continue }
      let target = TemporaryDirectory("varve-damage")
      var options = RestoreOptions(target: Array(target("out").utf8))
      options.workers = 1
      let report = try? Restore.run(repository, record, options: options)
      let expected = bench.files[number]
      for (path, bytes) in expected {
        let found = bench.contents(of: target("out") + path)
        if let found, found != bytes {
          tally.note(wrong: "\(name) \(what): \(path) of snapshot \(number) is restored wrong")
        }
        if found == nil, let report, report.problems.isEmpty {
          tally.note(wrong: "\(name) \(what): \(path) of snapshot \(number) is silently not there")
        }
      }
    }
  }
}
