import VarveFormat

/// Makes a configuration out of nodes that the grammar allows, and says what has no meaning. A value that is wrong is left
/// out; who asks for the result asks for the problems first.
struct ConfigurationBuilder {
  /// For `~/`.
  let home: String?
  var configuration = Configuration()
  var problems: [ConfigurationProblem] = []
  var warnings: [String] = []
  /// Values that the environment took part in, as they are written; by what they became.
  var written: [String: String] = [:]
  /// Where the sources of each profile stand, in their order.
  var sourcePositions: [String: [SourcePosition]] = [:]
  /// Where each name was defined, by kind and name.
  private var places: [String: SourcePosition] = [:]

  init(home: String?) { self.home = home }

  /// What one file says; all files are added before `finish`.
  mutating func add(_ root: YAMLNode) {
    remember(root)
    for entry in root["repositories"]?.entries ?? [] where define("repository", entry) {
      configuration.repositories[entry.key] = repository(entry)
    }
    for entry in root["notifications"]?.entries ?? [] where define("notification", entry) {
      configuration.notifications[entry.key] = notification(entry)
    }
    for entry in root["profiles"]?.entries ?? [] where define("profile", entry) {
      configuration.profiles[entry.key] = profile(entry)
    }
    if let node = root["metrics-file"], define("metrics-file", "", node.position) {
      configuration.metricsFile = path(node)
    }
    if let node = root["state"], define("state", "", node.position) {
      configuration.stateDirectory = path(node)
    }
    if let node = root["cache"], define("cache", "", node.position) {
      configuration.cacheDirectory = path(node)
    }
    if let node = root["service"], define("service", "", node.position) {
      configuration.service = service(node)
    }
  }

  private mutating func define(_ kind: String, _ entry: YAMLEntry) -> Bool {
    define(kind, entry.key, entry.position)
  }

  private mutating func define(
    _ kind: String, _ name: String, _ position: SourcePosition
  ) -> Bool {
    let what = name.isEmpty ? "'\(kind)'" : "the \(kind) '\(name)'"
    let key = "\(kind)/\(name)"
    if let first = places[key] {
      wrong(position, "\(what) is defined already, at \(first)")
      return false
    }
    places[key] = position
    return true
  }

  func place(_ kind: String, _ name: String) -> SourcePosition? { places["\(kind)/\(name)"] }

  private mutating func remember(_ node: YAMLNode) {
    if let scalar = node.scalar, let text = scalar.written { written[scalar.text] = text }
    for entry in node.entries { remember(entry.value) }
    for element in node.elements { remember(element) }
  }

  mutating func wrong(_ position: SourcePosition, _ message: String) {
    problems.append(ConfigurationProblem(position, .meaning, message))
  }

  mutating func warn(_ node: YAMLNode, _ message: String) {
    warnings.append("\(node.position): \(message)")
  }

  // MARK: Repositories

  private mutating func repository(_ entry: YAMLEntry) -> RepositorySettings {
    let node = entry.value
    let place = node["location"] ?? node
    var settings = RepositorySettings(name: entry.key, location: location(place))
    guard node.isMapping else { return settings }
    if let file = path(node["password-file"]) { settings.credential = .passwordFile(file) }
    if let command = text(node["password-command"]) {
      settings.credential = .passwordCommand(command)
    }
    if let file = path(node["key-file"]) { settings.credential = .keyFile(file) }
    settings.cacheDirectory = path(node["cache"])
    settings.witnessPolicyFile = path(node["witness-policy"])
    settings.maximumCosignatureAge = seconds(node["max-cosignature-age"])
    settings.timestampAuthorities = path(node["tsa-ca"])
    settings.maximumUnverifiedAge = seconds(node["max-unverified-age"])
    settings.storage.connections = node["connections"]?.integer.map { Int(clamping: $0) }
    settings.storage.uploadLimit = rate(node["limit-upload"])
    settings.storage.downloadLimit = rate(node["limit-download"])
    settings.storage.retryLimit = interval(node["retry-limit"])
    settings.storage.authorities = path(node["cacert"])
    settings.storage.serverTokenFile = path(node["server-token-file"])
    for option in node["options"]?.entries ?? [] {
      settings.storage.special[option.key] = option.value.scalar?.text
      if isFilled(place) { require(option, isOptionOf: settings.location) }
    }
    if let maintenance = node["maintenance"] {
      settings.maintenance.forget = schedule(maintenance["forget"])
      settings.maintenance.prune = schedule(maintenance["prune"])
      settings.maintenance.check = schedule(maintenance["check"])
      settings.maintenance.readDataSubset = subset(maintenance["read-data-subset"])
    }
    settings.notify = texts(node["notify"])
    return settings
  }

  /// A directory is a path like others; other places stand as they are.
  private mutating func location(_ node: YAMLNode) -> String {
    let text = text(node) ?? ""
    if hasPassword(text) { warn(node, "a password stands in this place in clear") }
    if isFilled(node), !text.isEmpty { require(location: text, at: node) }
    guard StorageOpening.isDirectory(text) else { return text }
    let prefix = text.hasPrefix("local:") ? "local:" : ""
    return prefix + resolved(String(text.dropFirst(prefix.count)), node)
  }

  // MARK: The service

  private mutating func service(_ node: YAMLNode) -> ServiceSettings {
    guard node.isMapping else { return ServiceSettings(listen: text(node) ?? "") }
    var service = ServiceSettings(listen: text(node["listen"]) ?? "")
    service.certificateFile = path(node["certificate-file"])
    service.keyFile = path(node["key-file"])
    service.tokenFile = path(node["token-file"])
    return service
  }

  // MARK: Notifications

  private mutating func notification(_ entry: YAMLEntry) -> NotificationTarget {
    let node = entry.value
    var events: Set<NotificationTarget.Event> = [.incomplete, .failure, .recovery, .alarm]
    let means: NotificationTarget.Means
    if let webhook = node["webhook"] {
      let headers = webhook["headers"]?.entries ?? []
      for header in headers {
        require(header: header)
        if SecretNames.mayBe(header.key) {
          warnAboutSecret(header.value, "the header \(ByteText.printable(header.key))")
        }
      }
      means = .webhook(
        url: url(webhook.isMapping ? webhook["url"] : webhook),
        headers: Dictionary(
          headers.map { ($0.key, $0.value.scalar?.text ?? "") }, uniquingKeysWith: { $1 }))
    } else if let mail = node["mail"] {
      let to = mail.isMapping ? mail["to"] : mail
      requireAddresses(to)
      requireAddresses(mail["from"])
      means = .mail(
        to: texts(to), from: text(mail["from"]),
        program: path(mail["program"]) ?? "/usr/sbin/sendmail")
    } else if let command = node["command"] {
      means = .command(self.command(command, timeout: Notifier.commandSeconds))
    } else {
      let ping = node["ping"]
      let incomplete = text(ping?["incomplete"]).flatMap(NotificationTarget.IncompletePing.init)
      means = .ping(
        url: url(ping?.isMapping ?? false ? ping?["url"] : ping), incomplete: incomplete ?? .fail)
      events = [.start, .success, .incomplete, .failure]
    }
    if let given = node["events"] {
      events =
        given.isSequence
        ? Set(texts(given).compactMap(NotificationTarget.Event.init))
        : Set(NotificationTarget.Event.allCases)
    }
    return NotificationTarget(name: entry.key, means: means, events: events)
  }
}
