import VarveFormat

extension ConfigurationBuilder {
  mutating func drill(_ entry: YAMLEntry, of profile: Profile) -> Drill {
    let node = entry.value
    var drill = Drill(name: entry.key)
    drill.schedule = schedule(node["schedule"])
    drill.sources = texts(node["sources"])
    unique(node["sources"], "the source")
    for element in node["sources"]?.elements ?? [] {
      let name = text(element) ?? ""
      if !profile.sources.contains(where: { $0.name == name }) {
        wrong(element.position, unknown("source", name, in: profile.sources.map(\.name)))
      }
    }
    if let sample = node["sample"] { drill.sample = self.sample(sample) }
    drill.recoveryTime = seconds(node["rto"])
    drill.recoveryPoint = seconds(node["rpo"])
    for check in node["checks"]?.elements ?? [] { drill.checks += checks(check) }
    for service in node["services"]?.entries ?? [] {
      guard let command = service.value["command"] else { continue }
      var running = DrillService(name: service.key, command: self.command(command, timeout: 3600))
      running.ready = service.value["ready"].map { probe($0) }
      drill.services.append(running)
    }
    return drill
  }

  private mutating func sample(_ node: YAMLNode) -> Drill.Sample {
    if let count = node.integer { return .files(Int(clamping: count)) }
    guard let text = text(node), text.hasSuffix("%"), let percent = Double(text.dropLast()) else {
      return .all
    }
    if !(percent > 0 && percent <= 100) {
      wrong(node.position, "a sample is more than 0% and at most 100%")
    }
    return .percent(percent)
  }

  /// What is said of one path are several checks.
  private mutating func checks(_ node: YAMLNode) -> [DrillCheck] {
    if let command = node["command"] { return [.command(self.command(command))] }
    if let http = node["http"] { return [.http(probe(http))] }
    guard let path = path(node["path"]) else { return [] }
    var checks: [DrillCheck] = []
    if let size = bytes(node["minimum-size"]) {
      checks.append(.minimumSize(path: path, bytes: size))
    }
    if let text = text(node["sha256"]), let digest = Digest(hex: text.lowercased()) {
      checks.append(.digest(path: path, digest))
    }
    if node["integrity"] != nil { checks.append(.integrity(path: path)) }
    if let tables = node["tables"] {
      let rows =
        tables.isSequence
        ? texts(tables).map { ($0, Int64(0)) }
        : tables.entries.map { ($0.key, $0.value.integer ?? 0) }
      checks.append(.tables(path: path, Dictionary(rows, uniquingKeysWith: { max($0, $1) })))
    }
    return checks
  }

  private mutating func probe(_ node: YAMLNode) -> HTTPProbe {
    guard node.isMapping else { return HTTPProbe(url: url(node)) }
    var probe = HTTPProbe(url: url(node["url"]))
    if let status = node["status"]?.integer { probe.status = Int(clamping: status) }
    probe.contains = text(node["contains"])
    if let timeout = interval(node["timeout"]) { probe.timeout = timeout }
    return probe
  }

  // MARK: When all files are read

  /// What names refer to.
  mutating func finish(_ roots: [YAMLNode]) {
    let only = configuration.repositories.count == 1 ? configuration.repositories.keys.first : nil
    for root in roots {
      for entry in root["repositories"]?.entries ?? [] {
        refer(entry, "notification", ["notify"], configuration.notifications.keys)
      }
      for entry in root["profiles"]?.entries ?? [] {
        refer(entry, "repository", ["repository", "repositories"], configuration.repositories.keys)
        refer(entry, "notification", ["notify"], configuration.notifications.keys)
        guard configuration.profiles[entry.key]?.repositories.isEmpty ?? false else { continue }
        if let only {
          configuration.profiles[entry.key]?.repositories = [only]
        } else {
          wrong(
            entry.position,
            configuration.repositories.isEmpty
              ? "no repository is defined; add one under 'repositories'"
              : "the profile needs 'repository', since there are several")
        }
      }
    }
    refuseCollisions(roots)
  }

  private mutating func refer(
    _ entry: YAMLEntry, _ kind: String, _ keys: [String], _ known: some Collection<String>
  ) {
    for node in keys.compactMap({ entry.value[$0] }) {
      for element in node.isSequence ? node.elements : [node] {
        let name = text(element) ?? ""
        if !known.contains(name) {
          wrong(element.position, unknown(kind, name, in: known.sorted()))
        }
      }
    }
  }

  private func unknown(_ kind: String, _ name: String, in known: [String]) -> String {
    let near = Spelling.nearest(to: name, in: known).map { "; did you mean '\($0)'?" } ?? ""
    return "there is no \(kind) '\(ByteText.printable(name))'\(near)"
  }
}
