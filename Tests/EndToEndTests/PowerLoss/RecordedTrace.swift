/// A recording as text: one line for each change and each sync, with names that are the same in every run.
enum RecordedTrace {
  /// Lines for all events; writes that follow one another are one. What is synced under a passing name is
  /// called by the name that it gets.
  static func lines(_ events: some Collection<Recording.Event>) -> [String] {
    var lines: [String] = []
    var later: [String: String] = [:]
    for event in events.reversed() {
      if case .linked(let old, let new) = event { later[old] = new }
      if case .renamed(let old, let new) = event { later[old] = new }
      if case .told = event { continue }
      var line = line(event)
      if case .synced(let path, _) = event, let new = later[path] {
        line = "sync the bytes of \(name(new))"
      }
      if line != "write" || lines.last != "write" { lines.append(line) }
    }
    return lines.reversed()
  }

  static func line(_ event: Recording.Event) -> String {
    switch event {
    case .created(let path, _): "create \(name(path))"
    case .madeDirectory(let path, _): "make \(name(path))"
    case .written: "write"
    case .resized: "resize"
    case .synced(let path, _): "sync \(name(path))"
    case .linked(let old, let new): "link \(name(old)) \(name(new))"
    case .renamed(let old, let new): "rename \(name(old)) \(name(new))"
    case .removed(let path): "remove \(name(path))"
    case .told: "tell"
    }
  }

  /// Digests, random names and process numbers are replaced by what they are.
  static func name(_ path: String) -> String {
    if path.isEmpty { return "." }
    var components = path.split(separator: "/").map(String.init)
    for index in components.indices {
      let component = components[index]
      let above = index > 0 ? components[index - 1] : ""
      if component.count == 64, component.allSatisfy(\.isHexDigit) {
        components[index] = above == "varve" ? "<repository>" : "<digest>"
      } else if above == "packs" {
        components[index] = "<xx>"
      } else if above == "tmp" || component.hasPrefix(".new-") {
        components[index] = "<new>"
      } else if above == "sessions" {
        components[index] = "<session>" + component.drop { $0 != "-" }
      } else if above == "changes" {
        components[index] = "<set>" + component.drop { $0 != "." }
      } else if let dot = component.firstIndex(of: "."), component[dot...].contains("-") {
        components[index] = component[..<dot] + ".<new>"
      }
    }
    return components.joined(separator: "/")
  }
}
