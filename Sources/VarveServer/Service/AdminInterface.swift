import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

/// `/api/admin/…`: what operators' programs ask (docs/service-openapi.yaml).
struct AdminInterface: Sendable {
  static let listLimit = 1_000

  let board: StatusBoard
  let jobs: JobBook
  let actions: ServiceActions
  let threads: NIOThreadPool

  func answer(
    _ route: ServiceRoute, query: FormFields, body: JSONValue, _ method: HTTPRequest.Method
  ) async throws -> Response {
    switch route {
    case .adminStatus: return ServiceResponder.json(try report().json)
    case .adminSources: return ServiceResponder.json(try sources { _ in true })
    // What is stale, failed or never ran; a warning alone is no alert.
    case .adminStale: return ServiceResponder.json(try sources { $0.level == .bad })
    case .adminSnapshots(let profile, let source):
      return ServiceResponder.json(try snapshots(of: source, profile, query))
    case .adminRestores: return started(try await restore(body))
    case .adminDrills:
      return ServiceResponder.json(
        .object([
          "drills": .array(try report().drills.map(\.json)),
          "runs": .array(drillRuns.prefix(Self.listLimit).map(\.summaryJSON)),
        ]))
    case .adminDrill(let profile, let drill): return started(try startDrill(profile, drill))
    case .adminAudits:
      guard method == .post else {
        return ServiceResponder.json(
          .object(["audits": .array(try await audits().map(\.summaryJSON))]))
      }
      guard let name = try? body.string("repository") else {
        throw Problem(400, "the body names no repository")
      }
      return started(try startAudit(name))
    case .adminJobs:
      return ServiceResponder.json(.object(["jobs": .array(jobs.all.map(\.json))]))
    case .adminJob(let id):
      guard let job = jobs.job(id) else { throw Problem(404, "there is no such job") }
      return ServiceResponder.json(job.json)
    default: throw Problem(404, "there is nothing at that path")
    }
  }

  private func report() throws -> StatusReport {
    guard let report = board.shown.report else {
      throw Problem(503, "the status is not known yet", headers: [.retryAfter: "1"])
    }
    return report
  }

  private func sources(_ isWanted: (SourceStatus) -> Bool) throws -> JSONValue {
    let report = try report()
    return .object([
      "time": .string(report.time.utcSeconds),
      "sources": .array(report.sources.filter(isWanted).map { $0.json(at: report.time) }),
    ])
  }

  private func started(_ job: JobBook.Job) -> Response {
    var response = ServiceResponder.json(job.json, status: .accepted)
    response.headers[.location] = "/api/admin/jobs/\(job.id)"
    return response
  }

  // MARK: Snapshots

  /// The profile and source, and the repository meant: the one named, else the profile's first.
  private func place(
    _ profile: String, _ source: String, _ repository: String?
  ) throws -> (profile: Profile, source: Source, repository: String) {
    guard let known = board.reader.configuration.profiles[profile],
      let found = known.sources.first(where: { $0.name == source })
    else { throw Problem(404, "there is no such source") }
    guard let repository = repository ?? known.repositories.first,
      known.repositories.contains(repository)
    else { throw Problem(404, "the profile does not back up to that repository") }
    return (known, found, repository)
  }

  private func snapshots(
    of source: String, _ profile: String, _ query: FormFields
  ) throws -> JSONValue {
    let place = try place(profile, source, query.text("repository"))
    guard let facts = board.shown.facts[place.repository] else {
      throw Problem(503, "the repository has not been read yet", headers: [.retryAfter: "1"])
    }
    guard let all = facts.snapshots else {
      throw Problem(503, "the records of that repository cannot be opened")
    }
    let owners = ProfileOwners([place.profile], all.lazy.map(\.heading))
    let found = all.filter {
      $0.profile == profile && $0.source == source && owners.include($0.heading)
    }.reversed()
    return .object([
      "profile": .string(profile), "source": .string(source),
      "repository": .string(place.repository), "total": .integer(Int64(found.count)),
      "snapshots": .array(found.prefix(Self.listLimit).map(\.json)),
    ])
  }

  // MARK: Jobs

  private func restore(_ body: JSONValue) async throws -> JobBook.Job {
    let order: ServiceActions.Restore
    let place: (profile: Profile, source: Source, repository: String)
    do {
      try body.requireMembers(
        within: ["confirm", "profile", "repository", "snapshot", "source", "target"], "the body")
      let (profile, source) = (try body.string("profile"), try body.string("source"))
      place = try self.place(profile, source, try body.optionalString("repository"))
      order = ServiceActions.Restore(
        profile: profile, source: source, repository: place.repository,
        snapshot: try body.optionalString("snapshot") ?? "latest",
        target: try body.optionalString("target"),
        isConfirmed: try body.optional("confirm").map { $0 == .bool(true) } ?? false)
    } catch let error as VarveError {
      throw Problem(400, error.message)
    }
    if let target = order.target {
      guard target.utf8.first == UInt8(ascii: "/"), !target.utf8.contains(0),
        target.utf8.count <= RestoreTarget.lengthLimit
      else { throw Problem(400, "the target is no absolute path") }
    }
    if case .command = place.source.origin, order.target == nil {
      throw Problem(400, "the output of a command has no place of its own: name a target")
    }
    guard order.snapshot.utf8.count <= 64,
      (try? SnapshotSelector(parsing: Array(order.snapshot.utf8))) != nil,
      !order.snapshot.contains(":")
    else { throw Problem(400, "the snapshot is none that could be") }
    guard !place.source.isSensitive || order.isConfirmed else {
      throw Problem(409, "the source is sensitive: say \"confirm\": true")
    }
    try await refuseOverlap(order, place.profile, place.source)
    let actions = actions
    return try jobs.start(
      .restore, order.profile, order.source, repository: order.repository
    ) { try actions.restore(order, $0, $1) }
  }

  /// - Throws: `Problem` 400 for a target that is no place beside what the profile saves.
  private func refuseOverlap(
    _ order: ServiceActions.Restore, _ profile: Profile, _ source: Source
  ) async throws {
    guard let target = order.target else { return }
    // A file system that does not answer holds up a thread, not the service.
    let found = try await threads.runIfActive { RestoreTarget.overlapped(target, of: profile) }
    guard let found else { return }
    let good = found.place == "/" ? "a directory in which nothing is yet" : "a directory beside it"
    var remedy = "name \(good)"
    switch source.origin {
    case .path, .sqlite:
      remedy += "; without target it goes back to its own place, with hooks and a safety snapshot"
    case .command: break
    }
    throw Problem(
      400,
      "the target overlaps the own place of the source '\(found.source.name)', "
        + "\(ByteText.printable(found.place)): \(remedy)")
  }

  func startDrill(_ profile: String, _ drill: String) throws -> JobBook.Job {
    guard let known = board.reader.configuration.profiles[profile],
      known.drills.contains(where: { $0.name == drill })
    else { throw Problem(404, "there is no such drill") }
    let actions = actions
    return try jobs.start(
      .drill, profile, drill, repository: known.repositories.first ?? ""
    ) { try actions.drill(profile, drill, $0, $1) }
  }

  func startAudit(_ repository: String) throws -> JobBook.Job {
    guard board.reader.configuration.repositories[repository] != nil else {
      throw Problem(404, "there is no such repository")
    }
    let actions = actions
    return try jobs.start(.audit, repository, nil, repository: repository) {
      try actions.audit(repository, $0, $1)
    }
  }

  /// Newest first.
  var drillRuns: [RunRecord] {
    board.shown.journal.filter { $0.activity == .drill }.sorted { $0.started > $1.started }
  }

  /// Of the repositories, newest first.
  func audits() async throws -> [RunRecord] {
    let reader = board.reader
    return try await threads.runIfActive {
      try reader.audits().sorted { $0.started > $1.started }
    }
  }
}

extension RepositoryFacts.Snapshot {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(id.hex), "time": .string(heading.time.utcSeconds),
      "complete": .bool(!heading.isPartial), "files": .integer(heading.files),
      "bytes": .integer(heading.bytes), "stored": .integer(heading.bytesStored),
      "tags": .array(heading.tags.map { .string($0) }),
    ]
    members["set"] = set.map { .string($0) }
    return .object(members)
  }
}

extension RunRecord {
  /// What the service tells of a run.
  var summaryJSON: JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(id), "name": .string(name), "repository": .string(repository),
      "started": .string(started.utcSeconds), "result": .string(result.rawValue),
    ]
    members["detail"] = detail.map { .string($0) }
    members["ended"] = ended.map { .string($0.utcSeconds) }
    members["message"] = message.map { .string($0) }
    return .object(members)
  }
}
