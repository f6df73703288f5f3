import Varve
import VarveFormat

/// A configuration as it is shown: complete, canonical, without secrets.
///
/// What came from the environment is shown as the file has it. Where no secret was hidden, the text read again is the same
/// configuration.
package struct ConfigurationText {
  private static let hidden = "(hidden)"

  /// Values that the environment took part in, as they are written.
  private let written: [String: String]

  package init(written: [String: String]) { self.written = written }

  package func value(_ configuration: Configuration) -> ShownValue {
    .fields([
      (
        "repositories",
        map(configuration.repositories.sorted { $0.key < $1.key }.map { ($0, repository($1)) })
      ),
      (
        "profiles",
        map(configuration.profiles.sorted { $0.key < $1.key }.map { ($0, profile($1)) })
      ),
      (
        "notifications",
        map(configuration.notifications.sorted { $0.key < $1.key }.map { ($0, notification($1)) })
      ),
      ("metrics-file", text(configuration.metricsFile)),
      ("state", text(configuration.stateDirectory)), ("cache", text(configuration.cacheDirectory)),
      ("service", configuration.service.map(service)),
    ])
  }

  // MARK: Pieces

  /// `$` stands for itself in a configuration only when it is doubled before `{` and `$`; twice is always right.
  func text(_ text: String) -> ShownValue {
    .text(written[text] ?? Self.escaped(text))
  }

  func text(_ text: String?) -> ShownValue? { text.map { self.text($0) } }

  func texts(_ texts: [String]) -> ShownValue? {
    texts.isEmpty ? nil : .list(texts.map { text($0) })
  }

  func map(_ entries: [(String, ShownValue)]) -> ShownValue? {
    entries.isEmpty ? nil : .mapping(entries.map { (key: $0.0, value: $0.1) })
  }

  private static func escaped(_ text: String) -> String {
    text.contains("$") ? String(text.flatMap { $0 == "$" ? "$$" : "\($0)" }) : text
  }

  /// What should not be seen: as it is written, if it came from the environment, else not at all.
  func secret(_ text: String) -> ShownValue { .text(written[text] ?? Self.hidden) }

  func variables(_ variables: [String: String]) -> ShownValue? {
    map(
      variables.sorted { $0.key < $1.key }.map {
        ($0, SecretNames.mayBe($0) ? secret($1) : text($1))
      })
  }

  /// Webhooks and pings are known by who has their paths.
  func secretURL(_ url: String) -> ShownValue {
    if let written = written[url] { return .text(written) }
    let scheme = url.firstRange(of: "://")?.upperBound ?? url.startIndex
    let authority = url[scheme...].prefix { $0 != "/" && $0 != "?" }
    let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] }
    return .text(url[..<scheme] + (host ?? authority) + "/" + Self.hidden)
  }

  func place(_ location: String) -> ShownValue {
    guard written[location] == nil, let scheme = location.firstRange(of: "://")?.upperBound else {
      return text(location)
    }
    let authority = location[scheme...].prefix { $0 != "/" }
    guard let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":")
    else { return text(location) }
    return .text(location[...colon] + Self.hidden + location[at...])
  }

  func duration(_ seconds: Int64?) -> ShownValue? { seconds.map { .text(Self.duration($0)) } }

  static func duration(_ seconds: Int64) -> String {
    for (unit, length) in [("d", 86_400), ("h", 3600), ("m", Int64(60))]
    where seconds > 0 && seconds % length == 0 && seconds / length < 1_000_000 {
      return "\(seconds / length)\(unit)"
    }
    let (days, rest) = (seconds / 86_400, seconds % 86_400)
    return days > 0 ? "\(days)d\(rest)s" : "\(rest)s"
  }

  func interval(_ seconds: Double) -> ShownValue {
    let milliseconds = Int64((seconds * 1000).rounded())
    let (whole, part) = (milliseconds / 1000, milliseconds % 1000)
    if part == 0 { return .text(Self.duration(whole)) }
    return .text(whole > 0 ? "\(Self.duration(whole))\(part)ms" : "\(part)ms")
  }

  static func size(_ bytes: Int64) -> ShownValue {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where bytes > 0 && bytes % (1 << shift) == 0 {
      return .text("\(bytes >> shift)\(unit)")
    }
    return .integer(bytes)
  }

  func schedule(_ schedule: Schedule?) -> ShownValue? { schedule.map { text($0.text) } }

  // MARK: Repositories and others

  private func repository(_ settings: RepositorySettings) -> ShownValue {
    var fields: [(String, ShownValue?)] = [("location", place(settings.location))]
    switch settings.credential {
    case .passwordFile(let file): fields.append(("password-file", text(file)))
    case .passwordCommand(let command): fields.append(("password-command", text(command)))
    case .keyFile(let file): fields.append(("key-file", text(file)))
    case nil: break
    }
    let storage = settings.storage
    fields += [
      ("cache", text(settings.cacheDirectory)),
      ("connections", storage.connections.map { .integer(Int64($0)) }),
      ("limit-upload", storage.uploadLimit.map { Self.size(Int64($0)) }),
      ("limit-download", storage.downloadLimit.map { Self.size(Int64($0)) }),
      ("retry-limit", storage.retryLimit.map(interval)),
      ("cacert", text(storage.authorities)),
      ("server-token-file", text(storage.serverTokenFile)),
      ("options", map(storage.special.sorted { $0.key < $1.key }.map { ($0, text($1)) })),
      ("witness-policy", text(settings.witnessPolicyFile)),
      ("max-cosignature-age", duration(settings.maximumCosignatureAge)),
      ("tsa-ca", text(settings.timestampAuthorities)),
      ("max-unverified-age", duration(settings.maximumUnverifiedAge)),
    ]
    let maintenance = settings.maintenance
    if maintenance != Maintenance() {
      fields.append(
        (
          "maintenance",
          .fields([
            ("forget", schedule(maintenance.forget)), ("prune", schedule(maintenance.prune)),
            ("check", schedule(maintenance.check)),
            ("read-data-subset", text(maintenance.readDataSubset)),
          ])
        ))
    }
    fields.append(("notify", texts(settings.notify)))
    return .fields(fields)
  }

  private func service(_ service: ServiceSettings) -> ShownValue {
    .fields([
      ("listen", text(service.listen)), ("certificate-file", text(service.certificateFile)),
      ("key-file", text(service.keyFile)), ("token-file", text(service.tokenFile)),
    ])
  }

  private func notification(_ target: NotificationTarget) -> ShownValue {
    let means: (String, ShownValue)
    switch target.means {
    case .webhook(let url, let headers):
      let shown = map(headers.sorted { $0.key < $1.key }.map { ($0, secret($1)) })
      means = ("webhook", .fields([("url", secretURL(url)), ("headers", shown)]))
    case .mail(let to, let from, let program):
      means = (
        "mail",
        .fields([("to", texts(to)), ("from", text(from)), ("program", text(program))])
      )
    case .command(let command): means = ("command", self.command(command))
    case .ping(let url, .fail): means = ("ping", secretURL(url))
    case .ping(let url, let incomplete):
      means = (
        "ping",
        .fields([("url", secretURL(url)), ("incomplete", .text(incomplete.rawValue))])
      )
    }
    let events = NotificationTarget.Event.allCases.filter(target.events.contains)
    return .fields([means, ("events", texts(events.map(\.rawValue)))])
  }
}
