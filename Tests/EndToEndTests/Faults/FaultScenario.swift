import Foundation
import Glibc

/// A command that is killed and made to fail at every system call, and what is prepared for it.
struct FaultScenario: Sendable, CustomStringConvertible {
  enum Effect: Sendable {
    /// Makes the repository.
    case initializes
    /// Adds a snapshot of the source and says its id.
    case saves
    /// Changes the repository, but no snapshot's content.
    case changes
    /// Repairs what was damaged before: only after it, all is well again.
    case repairs
    /// Changes nothing but that it may record a result.
    case checks
    /// Writes the oldest snapshot to the target.
    case restores
  }

  var description: String
  var effect: Effect
  var command: @Sendable (Workspace) -> [String]
  /// The command that is run after the trial to see that work goes on; nil for the same.
  var again: (@Sendable (Workspace) -> [String])?
  /// Commands that are run before, once; the repository has two snapshots by then.
  var before: [[String]] = []
  /// What happens to the repository before those commands.
  var damage: (@Sendable (Workspace) throws -> Void)?
  /// The file of the newest snapshot that is lost for good.
  var lostFile: String?
  /// Whether the command, once it has succeeded, brings the forgotten snapshots back.
  var bringsBack = false
  /// How many of the oldest snapshots are, or may be, forgotten.
  var forgotten = 0
  /// Whether the client comes without its cache.
  var isCold = false

  /// Those of the short form have a warm cache. `VARVE_SCENARIO` names a single one.
  static var chosen: [FaultScenario] {
    if let name = getenv("VARVE_SCENARIO") {
      return all.filter { $0.description == String(cString: name) }
    }
    return Tools.soak ? all : all.filter { !$0.isCold }
  }

  static let all: [FaultScenario] = [
    FaultScenario(description: "backup", effect: .saves) { ["backup", "--json", $0.source] },
    FaultScenario(
      description: "backup without a cache", effect: .saves,
      command: { ["backup", "--json", $0.source] }, isCold: true),
    FaultScenario(description: "check", effect: .checks) { _ in ["check", "--read-data"] },
    FaultScenario(
      description: "check without a cache", effect: .checks,
      command: { _ in ["check", "--read-data", "--no-record"] }, isCold: true),
    FaultScenario(description: "restore", effect: .restores) {
      ["restore", "latest~1:\($0.source)", "--target", $0.target]
    },
    FaultScenario(
      description: "restore without a cache", effect: .restores,
      command: { ["restore", "latest~1:\($0.source)", "--target", $0.target] }, isCold: true),
    FaultScenario(
      description: "forget", effect: .changes, command: { _ in ["forget", "--keep-last", "1"] },
      forgotten: 1),
    FaultScenario(
      description: "prune", effect: .changes,
      command: { _ in ["prune", "--now", "--max-unused", "0"] },
      before: [["forget", "--keep-last", "1"]], forgotten: 1),
    FaultScenario(description: "tag", effect: .changes) { _ in ["tag", "--add", "kept", "latest"] },
    FaultScenario(
      description: "undo", effect: .changes, command: { ["undo", FaultBench.firstSnapshot($0)] },
      again: { _ in ["prune", "--now", "--max-unused", "0"] },
      before: [["forget", "--keep-last", "1"], ["prune", "--max-unused", "0"]], bringsBack: true,
      forgotten: 1),
    // No index segment is left.
    FaultScenario(
      description: "repair index", effect: .repairs, command: { _ in ["repair", "index"] },
      damage: { here in
        for name in here.objects("index/") {
          try FileManager.default.removeItem(atPath: "\(here.repository)/\(name)")
        }
      }),
    // Cut by its last byte a pack has no trailer any more; the index says where its blocks are.
    FaultScenario(
      description: "repair packs", effect: .repairs, command: { _ in ["repair", "packs"] },
      damage: { here in
        let largest = try here.largestPack()
        try here.write(Array(try here.read(largest).dropLast()), to: largest)
      }),
    // What the second backup has stored of files is one file's content.
    FaultScenario(
      description: "repair snapshots", effect: .repairs,
      command: { _ in ["repair", "snapshots", "--forget"] }, before: [["repair", "index"]],
      damage: { here in
        try FileManager.default.removeItem(atPath: try here.newestDataPack())
      }, lostFile: "dir0/changing"),
    // A key file that is there is never written over, so the second attempt names another one.
    FaultScenario(
      description: "key add", effect: .changes,
      command: { ["key", "add", "--new-key-file", $0.root + "/another-key-file"] },
      again: { ["key", "add", "--new-key-file", $0.root + "/third-key-file"] }),
    FaultScenario(description: "init", effect: .initializes) { _ in ["init"] },
  ]
}
