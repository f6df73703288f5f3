// What a request to the service is about. Parts of the path and of the query are percent-decoded once.
//
//     /  /repositories/<name>[/snapshots/<id>[/file]]  /drills  /audit  /jobs  /login  /logout    pages
//     /health  /ready  /version  /metrics                                             for watchers
//     /api/openapi.yaml  /api/admin/…                                                 for programs

import HTTPTypes
import VarveFormat

enum ServiceRoute: Equatable {
  case health, ready, version, metrics, description
  case style, icon
  case overview, drills, audit, jobs, login, logout
  case repository(String)
  case directory(repository: String, snapshot: String)
  case file(repository: String, snapshot: String)
  case adminStatus, adminSources, adminStale, adminRestores, adminDrills, adminAudits, adminJobs
  case adminSnapshots(profile: String, source: String)
  case adminDrill(profile: String, drill: String)
  case adminJob(String)

  /// nil where there is nothing.
  init?(path: Substring) {
    var parts: [String] = []
    for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      guard let text = PercentEncoding.decode(part) else { return nil }
      parts.append(text)
    }
    guard path.first == "/" else { return nil }
    if parts.starts(with: ["api", "admin"]) {
      self.init(admin: Array(parts.dropFirst(2)))
    } else {
      self.init(parts)
    }
  }

  private init?(_ parts: [String]) {
    switch parts.count {
    case 1:
      let known: [String: ServiceRoute] = [
        "": .overview, "health": .health, "ready": .ready, "version": .version,
        "metrics": .metrics, "style.css": .style, "icon.svg": .icon, "drills": .drills,
        "audit": .audit, "jobs": .jobs, "login": .login, "logout": .logout,
      ]
      guard let route = known[parts[0]] else { return nil }
      self = route
    case 2 where parts[0] == "repositories": self = .repository(parts[1])
    case 2 where parts == ["api", "openapi.yaml"]: self = .description
    case 4 where parts[0] == "repositories" && parts[2] == "snapshots":
      self = .directory(repository: parts[1], snapshot: parts[3])
    case 5 where parts[0] == "repositories" && parts[2] == "snapshots" && parts[4] == "file":
      self = .file(repository: parts[1], snapshot: parts[3])
    default: return nil
    }
  }

  private init?(admin parts: [String]) {
    switch parts {
    case ["status"]: self = .adminStatus
    case ["backups", "sources"]: self = .adminSources
    case ["backups", "alerts", "stale"]: self = .adminStale
    case ["backups", "restores"]: self = .adminRestores
    case ["drills"]: self = .adminDrills
    case ["audits"]: self = .adminAudits
    case ["jobs"]: self = .adminJobs
    default:
      if parts.count == 2, parts[0] == "jobs" {
        self = .adminJob(parts[1])
      } else if parts.count == 3, parts[0] == "drills" {
        self = .adminDrill(profile: parts[1], drill: parts[2])
      } else if parts.count == 5, parts.starts(with: ["backups", "sources"]),
        parts[4] == "snapshots"
      {
        self = .adminSnapshots(profile: parts[2], source: parts[3])
      } else {
        return nil
      }
    }
  }

  var methods: [HTTPRequest.Method] {
    switch self {
    case .login, .drills, .audit, .adminAudits: [.get, .head, .post]
    case .logout, .adminRestores, .adminDrill: [.post]
    default: [.get, .head]
    }
  }

  /// Whether it is for anybody.
  var isPublic: Bool {
    switch self {
    case .health, .ready, .version, .description, .style, .icon, .login: true
    default: false
    }
  }

  /// Whether it shows what snapshots hold, and not only that there are some.
  var showsContent: Bool {
    switch self {
    case .directory, .file: true
    default: false
    }
  }

  /// Whether it answers as a page.
  var isPage: Bool {
    switch self {
    case .overview, .drills, .audit, .jobs, .login, .logout, .repository, .directory, .file: true
    default: false
    }
  }
}

/// Names and values behind the question mark, or in a form.
struct FormFields {
  private var fields: [String: [UInt8]] = [:]

  /// - Throws: `Problem` 400 for what cannot be decoded, and for a name that comes twice.
  init(_ text: some StringProtocol) throws {
    for pair in text.split(separator: "&", omittingEmptySubsequences: true) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let plain = parts.map { part in
        String(String.UnicodeScalarView(part.unicodeScalars.map { $0 == "+" ? " " : $0 }))
      }
      guard let name = PercentEncoding.decode(plain[0]),
        let value = PercentEncoding.bytes(plain.count == 2 ? plain[1] : ""),
        fields.updateValue(value, forKey: name) == nil
      else { throw Problem(400, "these are no fields of a form") }
    }
  }

  func bytes(_ name: String) -> [UInt8]? { fields[name] }
  func text(_ name: String) -> String? {
    fields[name].flatMap { String(validating: $0, as: UTF8.self) }
  }
}
