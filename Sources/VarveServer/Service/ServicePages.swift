import HTTPTypes
import Hummingbird
import NIOPosix
import VarveFormat
import VarveOperations

/// Pages for people.
struct ServicePages: Sendable {
  let board: StatusBoard
  let jobs: JobBook
  let admin: AdminInterface
  let caller: ServiceAccess.Caller
  let downloads: TransferSlots
  let threads: NIOThreadPool

  func answer(
    _ route: ServiceRoute, _ fields: FormFields, _ method: HTTPRequest.Method
  ) async throws -> Response {
    let shown = board.shown
    switch route {
    case .overview:
      return OverviewPage(
        shown: shown, profiles: Array(board.reader.configuration.profiles.values),
        user: caller.label
      ).response
    case .jobs: return JobsPage(jobs: jobs.all, user: caller.label).response
    case .drills:
      guard method == .post else {
        return DrillsPage(shown: shown, mayAct: caller.mayAct, user: caller.label).response
      }
      guard let profile = fields.text("profile"), let drill = fields.text("drill") else {
        throw Problem(400, "the form names no drill")
      }
      _ = try admin.startDrill(profile, drill)
      return ServiceResponder.redirect("/jobs")
    case .audit:
      guard method == .post else { return try await auditPage() }
      guard let repository = fields.text("repository") else {
        throw Problem(400, "the form names no repository")
      }
      _ = try admin.startAudit(repository)
      return ServiceResponder.redirect("/jobs")
    case .repository(let name):
      _ = try shelf(name)
      guard let status = shown.report?.repositories.first(where: { $0.name == name }),
        let facts = shown.facts[name]
      else {
        throw Problem(503, "the repository has not been read yet", headers: [.retryAfter: "1"])
      }
      let before = fields.text("before").flatMap { UInt64($0) }
      return await page {
        RepositoryPage(status: status, facts: facts, before: before, user: caller.label).response
      }
    case .directory(let name, let snapshot):
      let shelf = try shelf(name)
      let id = try Self.snapshotID(snapshot)
      let (path, after) = (fields.bytes("path") ?? [], fields.bytes("after"))
      let listing = try await threads.runIfActive {
        try DirectoryPage.listing(shelf, id, path: path, after: after)
      }
      return DirectoryPage(repository: name, listing: listing, user: caller.label).response
    case .file(let name, let snapshot):
      return try await download(shelf(name), Self.snapshotID(snapshot), fields, method)
    default: throw Problem(404, "there is nothing at that path")
    }
  }

  /// Pages of many snapshots are made where they keep nobody waiting.
  private func page(_ body: @escaping @Sendable () -> Response) async -> Response {
    (try? await threads.runIfActive { body() }) ?? Response(status: .serviceUnavailable)
  }

  private func shelf(_ name: String) throws -> RepositoryShelf {
    guard let shelf = board.shelves[name] else { throw Problem(404, "there is no such repository") }
    return shelf
  }

  /// Only ids: what a name like `latest` means changes.
  private static func snapshotID(_ text: String) throws -> String {
    guard (8...64).contains(text.utf8.count), Hex.isLowercase(text) else {
      throw Problem(404, "there is no such snapshot")
    }
    return text
  }

  private func auditPage() async throws -> Response {
    LastAuditPage(
      repositories: board.shelves.keys.sorted(), audits: try await admin.audits(),
      running: jobs.all.filter { $0.kind == .audit && $0.state == .running },
      mayAct: caller.mayAct, user: caller.label
    ).response
  }

  private func download(
    _ shelf: RepositoryShelf, _ id: String, _ fields: FormFields, _ method: HTTPRequest.Method
  ) async throws -> Response {
    guard let path = fields.bytes("path") else { throw Problem(400, "the query names no path") }
    let slot = try await downloads.enter(for: caller.key)
    let download = try await threads.runIfActive { try FileDownload(shelf, id, path: path) }
    return download.response(isHead: method == .head, slot, threads)
  }
}

extension Hex {
  fileprivate static func isLowercase(_ text: String) -> Bool {
    text.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
    }
  }
}
