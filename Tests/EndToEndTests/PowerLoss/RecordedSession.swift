import Foundation
import Glibc
import Testing

/// Commands one after another in an empty workspace, with everything that they did to its files.
final class RecordedSession {
  /// What a power loss must not take back, from some event on.
  struct Promise {
    /// Whether `init` has said that there is a repository.
    var isInitialized = false
    /// Whether the key file opens it.
    var hasKeyFile = false
    /// Snapshots that were listed, by the id that they had first.
    var snapshots: Set<String> = []
    /// Whether something was destroyed that a repair makes again.
    var needsRepair = false
  }

  let here: Workspace
  private(set) var events: [Recording.Event] = []
  /// Where each command's events end, and what holds from there on.
  private(set) var ends: [(event: Int, command: String, promise: Promise)] = []
  private var promise = Promise()

  var keyFile: String { here.root + "/key-file" }

  init() throws {
    here = try Workspace(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
  }

  /// Runs a command to its end and records it; it has to succeed.
  func run(_ arguments: String...) throws {
    let traced = try record(arguments)
    try #require(
      traced.outcome.code == 0, "\(arguments): \(traced.outcome.code)\n\(traced.outcome.errors)")
    if arguments[0] == "init" { promise.isInitialized = true }
    if arguments[0] == "key" {
      promise.hasKeyFile = true
      here.environment["VARVE_KEY_FILE"] = keyFile
      here.environment["VARVE_PASSWORD_FILE"] = nil
    }
    if arguments[0] == "repair" { promise.needsRepair = false }
    let end = events.count
    if promise.hasKeyFile { try list() }
    ends.append((end, arguments.joined(separator: " "), promise))
    if events.count > end { ends.append((events.count, "snapshots", promise)) }
  }

  /// Runs backups of several sources at once; each has to succeed.
  func backUpTogether(_ sources: String...) throws {
    let starts = sources.enumerated().map { "\(Tools.varve) backup '\($1)' & p\($0)=$!" }
    let waits = sources.indices.map { "wait $p\($0)" }.joined(separator: " && ")
    try run("sh", "-c", starts.joined(separator: "\n") + "\n" + waits)
  }

  /// Another repository with two snapshots, of which only what the client remembers is recorded.
  func makeOtherRepository() throws {
    let changing = "'\(here.source)/other'"
    func varve(_ command: String) -> String {
      "'\(Tools.varve)' \(command) --repo '\(here.otherRepository)'"
    }
    let backup = varve("backup '\(here.source)' --key-file '\(here.otherKeyFile)'")
    try run(
      "sh", "-c",
      """
      unset VARVE_KEY_FILE && echo first > \(changing) &&
      \(varve("init --password-file '\(here.passwordFile)' --new-key-file '\(here.otherKeyFile)'")) &&
      \(backup) && echo second > \(changing) && \(backup) && rm \(changing)
      """)
  }

  /// Removes every index segment, as what is recorded.
  func loseIndex() throws {
    promise.needsRepair = true
    try run("sh", "-c", "rm '\(here.repository)'/index/*")
  }

  /// Forgets the oldest snapshot, and brings it back.
  func forgetAndUndo() throws {
    func first(of list: String) -> String {
      "$('\(Tools.varve)' \(list) --json | grep -o '\"id\":\"[0-9a-f]*' | head -n 1 | cut -d '\"' -f 4)"
    }
    try run("sh", "-c", "'\(Tools.varve)' forget \(first(of: "snapshots"))")
    try run("sh", "-c", "'\(Tools.varve)' undo \(first(of: "recover"))")
  }

  /// Runs a command that is killed or meets a fault. When it says that it has succeeded all the same, that holds
  /// from its end on.
  func run(_ arguments: [String], _ interference: Interference) throws -> Traced {
    let traced = try record(arguments, interference)
    let (end, command) = (events.count, "\(arguments[0]) with \(interference)")
    if traced.outcome.code == 0 {
      let before = promise
      try list()
      ends.append((end, command, promise))
      #expect(before.snapshots.isSubset(of: promise.snapshots))
    } else {
      ends.append((end, command, promise))
      try list()
    }
    ends.append((events.count, "snapshots", promise))
    return traced
  }

  private func record(
    _ arguments: [String], _ interference: Interference? = nil
  ) throws -> Traced {
    let path = here.root + "/trace-record"
    let traced = try here.trace(
      .record(to: path), arguments, and: interference?.options ?? [])
    events += try Recording(parsing: try here.read(path), root: here.root).events
    return traced
  }

  /// What holds from now on is what anybody can see.
  private func list() throws {
    let list = try record(["snapshots", "--json"]).outcome.document().list
    promise.snapshots = Set(list.compactMap { $0["original"].string ?? $0["id"].string })
  }

  /// What must hold when the power fails after so many events: what held before the command that runs then and
  /// still holds after it.
  func promise(after count: Int) -> Promise {
    var before = Promise()
    for end in ends {
      if end.event > count {
        before.snapshots.formIntersection(end.promise.snapshots)
        before.needsRepair = before.needsRepair || end.promise.needsRepair
        return before
      }
      before = end.promise
    }
    return before
  }
}
