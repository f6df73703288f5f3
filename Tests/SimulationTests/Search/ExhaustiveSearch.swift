// Every schedule of a few clients, up to the order of calls that cannot tell the difference.
//
// A depth-first search without snapshots of threads: each run follows a prefix of choices and then goes on with the first
// choice at each step; the other choices become prefixes of later runs. A run ends where it comes to a state that was seen.
//
//     state    what is stored, how many have died, and for each client that has not come to its end what its calls have met so
//              far (which decides what it does next)
//     choices  each client that waits goes on, or dies at a call that changes something, if nobody has died yet
//
// Nobody else is let go on before a call that commutes with all that others may still do: of objects that are never
// removed, of a checkpoint (which only bounds from below what the commits say), of what only the caller stores or removes, or
// of what nobody will list any more; and before a change that finds already what it would bring about, as does a commit
// of a size that has one. A death commutes with all that others do: it is a choice only once after the client's last call.
//
// One step, too, are a list; what a client reads between two of its changes, of objects that may be removed; and removing one
// object after another, though whoever removes may die in between.
//
// Times are the worst there are: to the pruner every session looks dead and every orphan old. So is its grace: none.
//
// Names are random. So states are compared by who stored an object and what that client had met before, which decides the
// content. Of the log a client has met all commits up to the last that it has read. Its calls between two of its changes count
// as a set, since the program goes by names there: of two objects that differ in nothing but the name, either order
// stands for both.
//
// A search may be kept in a file between its runs and be gone on with by the same build:
//
//     varve exhaustive search 2
//     open <choices in hexadecimal digits>     a line each, the newest last
//     seen <state in hexadecimal digits>       a line each

import Glibc
import Synchronization
import VarveFormat
import VarveTestSupport

final class ExhaustiveSearch: Sendable {
  struct Progress {
    var states: Set<UInt64> = []
    /// Choices still to be followed, the newest last.
    var open: [[UInt8]] = [[]]
    var busy = 0
  }

  let plans: [ClientPlan]
  /// How many clients may die.
  let deaths: Int
  /// How often a client that could go on may be kept waiting; nil for no limit.
  let interruptions: Int?
  /// Whether calls that commute are one step; else only what the search counts as one step whether it commutes or not.
  let reduces: Bool
  let progress = Mutex(Progress())
  /// What was stored when all clients had come to their ends. Where somebody died between two removals it is not known: what
  /// was removed first goes by names.
  let ends = Mutex<Set<UInt64>>([])

  init(_ plans: [ClientPlan], deaths: Int, interruptions: Int? = nil, reduces: Bool = true) {
    self.plans = plans
    self.deaths = deaths
    self.interruptions = interruptions
    self.reduces = reduces
  }

  /// The next prefix, for which `finish` is called later; nil when all have been followed.
  func take() -> [UInt8]? {
    while true {
      let (next, isOver) = progress.withLock { progress in
        let next = progress.open.popLast()
        if next != nil { progress.busy += 1 }
        return (next, next == nil && progress.busy == 0)
      }
      if next != nil || isOver { return next }
      // A run under way may find more.
      sched_yield()
    }
  }

  func finish() { progress.withLock { $0.busy -= 1 } }

  // MARK: Between runs

  private static let heading = "varve exhaustive search 2"

  /// Goes on with what `keep` wrote, if there is such a file.
  func resume(_ path: String) throws {
    guard access(path, F_OK) == 0 else { return }
    let lines = String(decoding: try FileBytes.read(path), as: UTF8.self).split(separator: "\n")
    var kept = Progress(open: [])
    for line in lines.dropFirst() {
      let text = line.dropFirst(5)
      if line.hasPrefix("open "), let choices = Hex.decode(String(text)) {
        kept.open.append(choices)
      } else if line.hasPrefix("seen "), let state = UInt64(text, radix: 16) {
        kept.states.insert(state)
      } else {
        throw VarveError(.damaged, "\(path) has a line that is neither open nor seen")
      }
    }
    guard lines.first == Self.heading[...] else {
      throw VarveError(.damaged, "\(path) is no search")
    }
    progress.withLock { $0 = kept }
  }

  /// Writes how far the search has come; nothing may be under way.
  func keep(_ path: String) throws {
    let text = progress.withLock { progress in
      precondition(progress.busy == 0)
      let lines =
        [Self.heading] + progress.open.map { "open " + Hex.encode($0) }
        + progress.states.map { "seen " + String($0, radix: 16) }
      return lines.joined(separator: "\n") + "\n"
    }
    try FileBytes.write(Array(text.utf8), to: path + ".new")
    guard rename(path + ".new", path) == 0 else {
      throw VarveError(.io, "cannot write \(path)")
    }
  }

  var stateCount: Int { progress.withLock { $0.states.count } }
  var openCount: Int { progress.withLock { $0.open.count } }

  /// - Returns: whether the state is new.
  func enter(_ state: UInt64, others: () -> [[UInt8]]) -> Bool {
    progress.withLock { progress in
      guard progress.states.insert(state).inserted else { return false }
      progress.open += others()
      return true
    }
  }
}

/// One run of the search.
final class ExhaustiveSchedule: Schedule {
  private struct History {
    /// Changes so far, and commits that were not there.
    var epoch: UInt64 = 0
    var met: UInt64 = 0
    /// The last name of a commit that it has read; so it knows those before, too.
    var newestCommit = ""
    var isReading = false
    var isRemoving = false
    /// Whether its death before the call that it waits with has been a choice.
    var couldDie = false
  }

  private static let death: UInt8 = 0x80

  private let search: ExhaustiveSearch
  private let prefix: [UInt8]
  private var path: [UInt8] = []
  private var histories: [History]
  /// Of the objects that clients have stored.
  private var tokens: [String: UInt64] = [:]
  private var deaths = 0
  private var hasDiedRemoving = false
  private var interruptions = 0
  private var current: Int?

  init(_ search: ExhaustiveSearch, prefix: [UInt8]) {
    self.search = search
    self.prefix = prefix
    histories = Array(repeating: History(), count: search.plans.count)
  }

  func includes(_ name: String, cameMeanwhile: Bool) -> Bool { cameMeanwhile }

  func next(_ simulation: Simulation) -> Turn? {
    let waiting = simulation.clients.indices.filter { !simulation.clients[$0].isFinished }
    var choice: UInt8
    let forced = waiting.first { commutes($0, simulation) }
    let order = forced.map { [$0] } ?? order(waiting, simulation)
    let mortal = order.filter { canDie($0, simulation) }
    for client in mortal { histories[client].couldDie = true }
    if path.count < prefix.count {
      choice = prefix[path.count]
      // Whoever was to go on has come to its end by another order of names.
      if !waiting.contains(Int(choice & ~Self.death)) { choice = UInt8(waiting[0]) }
    } else if let forced {
      choice = UInt8(forced)
      if !mortal.isEmpty {
        let other = path + [choice | Self.death]
        guard search.enter(state(simulation), others: { [other] }) else { return nil }
      }
    } else {
      let choices = order.map { UInt8($0) } + mortal.map { UInt8($0) | Self.death }
      let isNew = search.enter(state(simulation)) {
        choices.dropFirst().reversed().map { path + [$0] }
      }
      guard isNew else { return nil }
      choice = choices[0]
    }
    if forced == nil { note(Int(choice & ~Self.death), simulation) }
    return take(choice, simulation)
  }

  private func note(_ client: Int, _ simulation: Simulation) {
    if let current, current != client, !simulation.clients[current].isFinished {
      interruptions += 1
    }
    current = client
  }

  private func take(_ choice: UInt8, _ simulation: Simulation) -> Turn {
    path.append(choice)
    let client = Int(choice & ~Self.death)
    let isPruner = isPruner(client)
    var time = Timestamp(seconds: 1_000_000_000)
    if case .put(let name, _) = simulation.clients[client].call, name.hasPrefix("sessions/"),
      isPruner
    {
      time.seconds += 1_000_000
    }
    simulation.store.time = time
    guard choice & Self.death != 0 else { return .client(client, .pass) }
    deaths += 1
    hasDiedRemoving = histories[client].isRemoving
    return .client(client, .die)
  }

  /// Who may go on, whoever did before first.
  private func order(_ waiting: [Int], _ simulation: Simulation) -> [Int] {
    var order = waiting
    if let current, let place = order.firstIndex(of: current) {
      order.swapAt(0, place)
      if let limit = search.interruptions, interruptions >= limit { order = [current] }
    }
    return order
  }

  private func canDie(_ client: Int, _ simulation: Simulation) -> Bool {
    guard deaths < search.deaths, let call = simulation.clients[client].call, call.isChange else {
      return false
    }
    return !search.reduces
      || !histories[client].couldDie && !hasNoEffect(call, simulation.store)
  }

  /// Whether a change finds already what it would bring about.
  private func hasNoEffect(_ call: StorageCall, _ store: SimulatedStore) -> Bool {
    switch call {
    // Commits are never removed.
    case .create(let name, _): store.objects[name] != nil
    // Nothing is stored again under a name that another client may remove.
    case .remove(let name): store.objects[name] == nil
    default: false
    }
  }

  private func isPruner(_ client: Int) -> Bool {
    search.plans[client].acts.contains { if case .prune = $0 { true } else { false } }
  }

  /// Whether nothing that others may still do depends on the call that the client waits with.
  private func commutes(_ client: Int, _ simulation: Simulation) -> Bool {
    guard let call = simulation.clients[client].call else { return true }
    let store = simulation.store
    let name = call.name
    // What is one step with the call before, or of a cache that says nothing of its own.
    if name == ObjectName.checkpoint { return true }
    switch call {
    case .settle, .list: return true
    case .read, .readRange, .size, .time:
      if SimulatedNames.canBeRemoved(name), histories[client].isReading { return true }
    case .remove: if histories[client].isRemoving { return true }
    case .put, .create, .listed: break
    }
    let others = simulation.clients.indices.filter {
      $0 != client && !simulation.clients[$0].isFinished
    }
    if others.isEmpty { return true }
    guard search.reduces else { return false }
    let hasPruner = others.contains(where: isPruner)
    switch call {
    case .listed, .list, .settle: return false
    case .create: return hasNoEffect(call, store)
    case .read, .readRange, .size, .time:
      if name.hasPrefix(ObjectName.commitPrefix) { return store.objects[name] != nil }
      if name.hasPrefix(SimulatedNames.sessions) { return isOwn(name, client, store) && !hasPruner }
      return !SimulatedNames.canBeRemoved(name) || !hasPruner
    case .put:
      return !(SimulatedNames.canBeRemoved(name) || name.hasPrefix(SimulatedNames.sessions))
        || !hasPruner
    case .remove:
      return hasNoEffect(call, store)
        || name.hasPrefix(SimulatedNames.sessions) && isOwn(name, client, store) && !hasPruner
    }
  }

  private func isOwn(_ name: String, _ client: Int, _ store: SimulatedStore) -> Bool {
    store.objects[name]?.origin.client == client
  }

  /// What was found out on the way to the last choice was judged when that way was new.
  var isRepeating: Bool { path.count + 1 < prefix.count }

  func ended(_ simulation: Simulation) {
    guard !hasDiedRemoving else { return }
    search.ends.withLock { _ = $0.insert(stored(simulation.store)) }
  }

  // MARK: States

  func performed(_ call: StorageCall, by client: Int, on store: SimulatedStore) {
    histories[client].couldDie = false
    let wasRemoving = histories[client].isRemoving
    histories[client].isRemoving = false
    guard call.name != ObjectName.checkpoint else { return }
    let isAbsent = store.objects[call.name] == nil
    var met = StateHasher()
    met.combine(call.verb)
    switch call {
    case .list, .settle: return
    case .read(let name) where name.hasPrefix(ObjectName.commitPrefix) && !isAbsent:
      histories[client].newestCommit = max(histories[client].newestCommit, name)
      return
    case .listed(let prefix):
      met.combine(prefix)
      met.combine(store.list(prefix).keys.reduce(0) { $0 &+ token(of: $1, store) })
    case .put(let name, _): met.combine(SimulatedNames.kind(name))
    case .remove(let name): met.combine(SimulatedNames.kind(name))
    case .create(let name, _), .read(let name), .readRange(let name), .size(let name),
      .time(let name):
      met.combine(token(of: name, store))
    }
    histories[client].met &+= met.value &* (histories[client].epoch &* 2 &+ 1)
    switch call {
    case .put(let name, _): tokens[name] = token(ofNew: name, by: client)
    case .create(let name, _) where isAbsent: tokens[name] = token(ofNew: name, by: client)
    default: break
    }
    let isEnd = call.isChange || isAbsent
    if isEnd { histories[client].epoch += 1 }
    histories[client].isReading =
      !isEnd && (histories[client].isReading || SimulatedNames.canBeRemoved(call.name))
    if case .remove = call {
      // Before a removal that commutes others were not let go on.
      let isOwnSession =
        call.name.hasPrefix(SimulatedNames.sessions) && isOwn(call.name, client, store)
      histories[client].isRemoving = wasRemoving || !isAbsent && !isOwnSession
    }
  }

  private func token(ofNew name: String, by client: Int) -> UInt64 {
    var hasher = StateHasher()
    hasher.combine(client)
    hasher.combine(histories[client].epoch)
    hasher.combine(histories[client].met)
    hasher.combine(histories[client].newestCommit)
    hasher.combine(SimulatedNames.kind(name))
    return hasher.value
  }

  private func token(of name: String, _ store: SimulatedStore) -> UInt64 {
    if let token = tokens[name], store.objects[name] != nil { return token }
    var hasher = StateHasher()
    if let object = store.objects[name] {
      // Of the past.
      hasher.combine(object.origin.client)
      hasher.combine(object.origin.call)
    }
    hasher.combine(SimulatedNames.kind(name))
    return hasher.value
  }

  private func stored(_ store: SimulatedStore) -> UInt64 {
    store.objects.keys.reduce(0) {
      $1 == ObjectName.checkpoint ? $0 : $0 &+ token(of: $1, store)
    }
  }

  private func state(_ simulation: Simulation) -> UInt64 {
    var hasher = StateHasher()
    hasher.combine(stored(simulation.store))
    hasher.combine(deaths)
    for (number, client) in simulation.clients.enumerated() {
      hasher.combine(client.isFinished)
      // Whoever is at the end, or dead, does nothing more, whatever it has met: what it left is stored.
      guard !client.isFinished else { continue }
      hasher.combine(histories[number].epoch)
      hasher.combine(histories[number].met)
      hasher.combine(histories[number].newestCommit)
      hasher.combine(client.call?.verb)
      hasher.combine((client.call?.name).map(SimulatedNames.kind))
    }
    if search.interruptions != nil {
      hasher.combine(interruptions)
      hasher.combine(current)
    }
    return hasher.value
  }
}

/// FNV-1a of 64 bits over words, each mixed as in SplitMix64: the same in each process, which Swift's own hashes are not.
private struct StateHasher {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func combine(_ word: UInt64) {
    var mixed = word &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    value = (value ^ (mixed ^ (mixed >> 31))) &* 0x0000_0100_0000_01b3
    // The product alone would never carry high bits down.
    value ^= value >> 29
  }

  mutating func combine(_ number: Int) { combine(UInt64(bitPattern: Int64(number))) }
  mutating func combine(_ flag: Bool) { combine(flag ? 1 as UInt64 : 0) }
  mutating func combine(_ number: Int?) { combine(number ?? -1) }

  mutating func combine(_ text: String?) {
    guard let text else { return combine(UInt64.max) }
    combine(text.utf8.count)
    for byte in text.utf8 { combine(UInt64(byte)) }
  }
}

enum SimulatedNames {
  static let sessions = "sessions/"

  /// Names of commits as they are, of other objects their directories.
  static func kind(_ name: String) -> String {
    name.hasPrefix("log/") ? name : String(name.prefix { $0 != "/" })
  }

  static func canBeRemoved(_ name: String) -> Bool {
    [ObjectName.packPrefix, ObjectName.indexPrefix, ObjectName.snapshotPrefix]
      .contains { name.hasPrefix($0) }
  }
}
