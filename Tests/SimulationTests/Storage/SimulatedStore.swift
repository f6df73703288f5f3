import VarveFormat

/// What the simulated storage holds. Objects are never changed, so that one which was judged need not be again.
final class SimulatedObject: Sendable {
  let bytes: [UInt8]
  /// When it was stored, by the store's clock.
  let time: Timestamp
  /// Who stored it with which of its calls; in a search for all schedules this stands for the content.
  let origin: Origin

  struct Origin: Hashable, Sendable {
    var client: Int
    var call: Int
  }

  init(_ bytes: [UInt8], time: Timestamp, origin: Origin) {
    self.bytes = bytes
    self.time = time
    self.origin = origin
  }
}

/// A store as a plain value behind a reference: copied at no cost, and used by one client at a time.
final class SimulatedStore {
  private(set) var objects: [String: SimulatedObject]
  var time = Timestamp(seconds: 1_000_000_000)
  var origin = SimulatedObject.Origin(client: -1, call: 0)
  /// Called after each change with what was there and what is there.
  var changed: (_ name: String, _ old: SimulatedObject?, _ new: SimulatedObject?) -> Void = {
    _, _, _ in
  }

  init(_ objects: [String: SimulatedObject] = [:]) { self.objects = objects }

  func object(_ name: String) throws -> SimulatedObject {
    guard let object = objects[name] else {
      throw VarveError(.missing, "\(name) is not in the simulated storage")
    }
    return object
  }

  func put(_ name: String, _ bytes: [UInt8]) {
    // What was there before a run is told apart by the order in which it was made.
    if origin.client < 0 { origin.call += 1 }
    let new = SimulatedObject(bytes, time: time, origin: origin)
    let old = objects.updateValue(new, forKey: name)
    changed(name, old, new)
  }

  func create(_ name: String, _ bytes: [UInt8]) -> Bool {
    guard objects[name] == nil else { return false }
    put(name, bytes)
    return true
  }

  func remove(_ name: String) {
    guard let old = objects.removeValue(forKey: name) else { return }
    changed(name, old, nil)
  }

  /// Names and sizes below a directory, in the order of names.
  func list(_ prefix: String) -> [String: UInt64] {
    let directory = prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/"
    var found: [String: UInt64] = [:]
    for (name, object) in objects where name.hasPrefix(directory) {
      found[name] = UInt64(object.bytes.count)
    }
    return found
  }
}
