import Varve
import VarveFormat

extension ConfigurationBuilder {
  mutating func profile(_ entry: YAMLEntry) -> Profile {
    let node = entry.value
    var profile = Profile(name: entry.key)
    profile.repositories = texts(node["repository"] ?? node["repositories"])
    unique(node["repositories"], "the repository")
    profile.host = text(node["host"])
    profile.tags = texts(node["tags"])
    profile.schedule = schedule(node["schedule"])
    profile.maximumAge = seconds(node["max-age"])
    let excludes = texts(node["exclude"])
    let rules = retention(node["retention"])
    for element in node["sources"]?.elements ?? [] {
      guard var source = source(element) else { continue }
      source.excludes = excludes + source.excludes
      if source.retention == nil { source.retention = rules }
      if profile.sources.contains(where: { $0.name == source.name }) {
        wrong(
          element.position,
          "the profile has two sources of the name '\(source.name)'; give one another 'name'")
      }
      profile.sources.append(source)
      sourcePositions[profile.name, default: []].append(element.position)
    }
    for value in node["meta"]?.entries ?? [] {
      if ["profile", "source", "set"].contains(value.key) {
        wrong(value.position, "'\(value.key)' is recorded in any case; choose another key")
      }
      profile.meta[value.key] = metadata(value.value)
    }
    if let hooks = node["hooks"] {
      profile.hooks.before = commands(hooks["before"])
      profile.hooks.after = commands(hooks["after"])
      profile.hooks.onSuccess = commands(hooks["on-success"])
      profile.hooks.onFailure = commands(hooks["on-failure"])
      profile.hooks.beforeRestore = commands(hooks["before-restore"])
      profile.hooks.afterRestore = commands(hooks["after-restore"])
    }
    profile.notify = texts(node["notify"])
    if let alarm = node["change-alarm"] { profile.changeAlarm = changeAlarm(alarm) }
    profile.drills = (node["drills"]?.entries ?? []).map { drill($0, of: profile) }
    return profile
  }

  mutating func unique(_ node: YAMLNode?, _ what: String) {
    var seen: Set<String> = []
    for element in node?.elements ?? [] {
      if let name = text(element), !seen.insert(name).inserted {
        wrong(element.position, "\(what) '\(name)' stands here twice")
      }
    }
  }

  private mutating func source(_ node: YAMLNode) -> Source? {
    var name = text(node["name"])
    let origin: Source.Origin
    if let command = node["command"] {
      guard let chosen = name ?? text(node["file-name"]).map(SourceName.derived) else {
        wrong(node.position, "the output of a command needs a 'name' or a 'file-name'")
        return nil
      }
      name = chosen
      let file = text(node["file-name"]) ?? chosen
      if file.contains("/") || file == "." || file == ".." {
        wrong((node["file-name"] ?? node).position, "a 'file-name' is one name, without '/'")
      }
      origin = .command(self.command(command, timeout: 12 * 3600), fileName: file)
    } else if let database = node["sqlite"] {
      origin = .sqlite(path(database) ?? "")
    } else {
      origin = .path(path(node["path"] ?? node) ?? "")
    }
    switch origin {
    case .path(let path), .sqlite(let path): name = name ?? SourceName.derived(path)
    case .command: break
    }
    guard let name, TextForm.name.matches(name) else {
      wrong(node.position, "no name can be made out of this path; give the source a 'name'")
      return nil
    }
    var source = Source(name: name, origin: origin)
    source.mayBeEmpty = node["allow-empty"]?.truth ?? false
    source.excludes = texts(node["exclude"])
    source.oneFileSystem = node["one-file-system"]?.truth ?? false
    source.excludeCaches = node["exclude-caches"]?.truth ?? false
    if let size = node["chunk-size"] { source.chunkSize = chunkSize(size) }
    source.retention = retention(node["retention"])
    source.maximumAge = seconds(node["max-age"])
    source.isSensitive = node["sensitive"]?.truth ?? false
    source.tags = texts(node["tags"])
    return source
  }

  private mutating func chunkSize(_ node: YAMLNode) -> Int? {
    guard let bytes = bytes(node) else { return nil }
    guard (8 << 10...1 << 20).contains(bytes), bytes & (bytes - 1) == 0 else {
      wrong(node.position, "a chunk size is a power of two from 8KiB to 1MiB")
      return nil
    }
    return Int(bytes)
  }

  private mutating func metadata(_ node: YAMLNode) -> MetadataValue {
    if let command = node["command"] { return .command(self.command(command)) }
    if let file = node["sha256"] { return .digest(path: path(file) ?? "") }
    return .text(text(node) ?? "")
  }

  private mutating func changeAlarm(_ node: YAMLNode) -> ChangeAlarm? {
    guard node.isMapping else { return nil }
    var alarm = ChangeAlarm()
    if let factor = node["growth-factor"]?.number { alarm.growthFactor = factor }
    if let part = node["rewritten-part"]?.number { alarm.rewrittenPart = part }
    if let part = node["incompressible-part"]?.number { alarm.incompressiblePart = part }
    if let bytes = bytes(node["minimum-size"]) { alarm.minimumBytes = bytes }
    return alarm
  }
}

/// The name of a source that is given none.
enum SourceName {
  /// The last component of a path, each byte that no name has replaced by `-`.
  static func derived(_ path: String) -> String {
    guard let last = path.split(separator: "/").last else { return "root" }
    return String(
      decoding: last.utf8.map { TextForm.isNameByte($0) ? $0 : UInt8(ascii: "-") }, as: UTF8.self)
  }
}
