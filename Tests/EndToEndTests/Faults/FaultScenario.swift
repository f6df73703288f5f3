import Foundation
import Glibc
import Testing

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
  /// What else is prepared once, after those commands.
  var prepare: (@Sendable (Workspace) throws -> Void)?
  /// What must hold once the command has been run again.
  var afterwards: (@Sendable (Workspace, _ trial: String) throws -> Void)?
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
      description: "rewrite", effect: .changes,
      command: { _ in ["rewrite", "--exclude", "file0", "--forget", "latest~1"] },
      again: { _ in ["rewrite", "--exclude", "file0", "--forget"] },
      afterwards: { here, trial in
        for snapshot in try here.snapshots() {
          let names = try here.succeed("ls", try #require(snapshot["id"].string)).text
          #expect(!names.contains("file0") && names.contains("file1"), "\(trial)")
        }
      }, forgotten: 1),
    FaultScenario(
      description: "copy", effect: .changes,
      command: {
        [
          "copy", "--from-repo", $0.otherRepository, "--from-key-file", $0.otherKeyFile,
          "--partial-interval", "1ms",
        ]
      },
      prepare: { try $0.makeOtherRepository() },
      afterwards: { here, trial in
        let copies = try here.snapshots().filter { $0["original"].string != nil }
        #expect(copies.count == 2, "\(trial)")
        for (copy, image) in zip(copies, ["/original1", "/original2"]) {
          let target = here.root + "/copied"
          if here.exists(target) { try here.remove(target) }
          try here.succeed(
            "restore", "\(try #require(copy["id"].string)):\(here.source)", "--target", target)
          let differences = try TreeImage(of: target).differences(
            from: TreeImage(of: here.root + image))
          #expect(differences == [], "\(trial)")
        }
      }),
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

extension Workspace {
  var otherRepository: String { root + "/other" }
  var otherKeyFile: String { root + "/other-key-file" }

  /// Makes another repository with two snapshots of the source, which then is as it was; `original1` and `original2` have what
  /// is in them.
  func makeOtherRepository(keepsOriginals: Bool = true) throws {
    let other = ["--repo", otherRepository]
    let key = environment["VARVE_KEY_FILE"]
    let password = environment["VARVE_PASSWORD_FILE"]
    environment["VARVE_KEY_FILE"] = nil
    environment["VARVE_PASSWORD_FILE"] = passwordFile
    defer {
      environment["VARVE_KEY_FILE"] = key
      environment["VARVE_PASSWORD_FILE"] = password
    }
    func run(_ arguments: [String]) throws {
      let outcome = try varve(arguments + other)
      try #require(outcome.code == 0, "\(arguments): \(outcome.errors)")
    }
    try run(["init"])
    try run(["key", "add", "--new-key-file", otherKeyFile])
    let file = source + "/dir0/other"
    for number in 1...2 {
      try write("other \(number)", to: file)
      try run(["backup", "--quiet", source])
      if keepsOriginals { try copy(source, to: root + "/original\(number)") }
    }
    unlink(file)
  }
}
