import Foundation
import Glibc
import Testing

/// A small repository with two acknowledged snapshots, which every trial finds as it was at the beginning.
final class FaultBench {
  let here: Workspace
  let scenario: FaultScenario
  /// Snapshots whose commands have said that they are saved, and what they must hold.
  private var acknowledged: [(id: String, image: TreeImage)] = []
  private let sourceImage: TreeImage
  private var saved: String { here.root + "/saved" }
  private static let parts = ["repository", "state", "cache"]

  init(_ scenario: FaultScenario) throws {
    self.scenario = scenario
    // In memory, if there is such a file system: each trial starts with a copy, and syncs much.
    here = try Workspace(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
    try here.makeSmallTree(files: 5, largest: 30_000)
    if scenario.effect != .initializes {
      try here.succeed("init")
      try here.useKeyFile()
      for version in 1...2 {
        try here.write("version \(version)", to: here.source + "/dir0/changing")
        let id = try #require(try here.backup()["snapshot_id"].string)
        acknowledged.append((id, try TreeImage(of: here.source)))
      }
      try here.write(acknowledged[0].id, to: here.root + "/first-snapshot")
      try scenario.damage?(here)
      for command in scenario.before {
        let outcome = try here.varve(command)
        try #require(outcome.code == 0, "\(command): \(outcome.errors)")
      }
      try scenario.prepare?(here)
      try here.write("version 3", to: here.source + "/dir0/changing")
      try here.write([UInt8](repeating: 7, count: 50_000), to: here.source + "/new/file")
    }
    sourceImage = try TreeImage(of: here.source)
    try copyParts(from: here.root, to: saved)
    if scenario.isCold { try remove(saved + "/cache") }
  }

  /// The id of the first snapshot of the bench that works here.
  static func firstSnapshot(_ here: Workspace) -> String {
    String(decoding: (try? here.read(here.root + "/first-snapshot")) ?? [], as: UTF8.self)
  }

  private func remove(_ path: String) throws {
    if here.exists(path) { try FileManager.default.removeItem(atPath: path) }
  }

  private func copyParts(from: String, to: String) throws {
    try FileManager.default.createDirectory(atPath: to, withIntermediateDirectories: true)
    for part in Self.parts where here.exists("\(from)/\(part)") {
      try FileManager.default.copyItem(atPath: "\(from)/\(part)", toPath: "\(to)/\(part)")
    }
  }

  /// Puts everything back as it was.
  func reset() throws {
    for part in Self.parts + ["target", "another-key-file", "third-key-file"] {
      try remove("\(here.root)/\(part)")
    }
    try copyParts(from: saved, to: here.root)
  }

  func run(_ interference: Interference) throws -> Traced {
    try here.trace(interference, scenario.command(here))
  }

  /// Requires that the repository is sound, that every acknowledged snapshot restores equal, and that work
  /// goes on without any repair.
  ///
  /// - Parameters:
  ///   - trial: what happened, for messages.
  ///   - traced: how the command ended; what it has acknowledged must be there, too.
  func expectIntact(after trial: String, _ traced: Traced) throws {
    if scenario.effect == .initializes { return try expectUsable(after: trial) }
    if scenario.effect == .repairs { try expectSuccess(scenario.command(here), trial) }
    try expectSuccess(["check", "--read-data", "--no-record"], trial)
    let isBack = scenario.bringsBack && traced.outcome.code == 0
    var expected = Array(acknowledged.dropFirst(isBack ? 0 : scenario.forgotten))
    if let lost = scenario.lostFile { expected[1].image.remove(lost) }
    if let id = savedSnapshot(traced) { expected.append((id, sourceImage)) }
    if scenario.effect == .restores {
      // It writes nothing into the repository; what it leaves of the client's cache has just been read.
      return try expectRestored(acknowledged[1].id, acknowledged[1].image, trial)
    }
    let live = try here.snapshots()
    for (id, image) in expected {
      // A change of tags replaces the record, so the snapshot goes on under another id.
      let current = live.first { [$0["id"].string, $0["original"].string].contains(id) }
      try expectRestored(current?["id"].string ?? id, image, trial)
    }
    // With the code 3 a source could not be read, and the snapshot does without; if need be without any.
    if let id = partialSnapshot(traced) {
      let wrong = try restored(id, trial, orSaying: "the snapshot has no ")?
        .wrong(against: sourceImage)
      #expect(wrong ?? [] == [], "\(trial): snapshot \(id)")
    }
    let next = try expectSuccess(["backup", "--json", here.source], trial)
    if let id = Self.snapshot(in: next) { try expectRestored(id, sourceImage, trial) }
    if [.changes, .saves, .repairs].contains(scenario.effect) {
      try expectSuccess((scenario.again ?? scenario.command)(here), trial)
      try expectSuccess(["check", "--read-data"], trial)
      try scenario.afterwards?(here, trial)
    }
  }

  /// After an init that was stopped: it can be run again, unless it has come to its end.
  private func expectUsable(after trial: String) throws {
    let again = try here.varve("init")
    let wasComplete = again.code == 1 && again.errors.contains("already a repository")
    #expect(again.code == 0 || wasComplete, "\(trial): init again: \(again.code)\n\(again.errors)")
    let next = try expectSuccess(["backup", "--json", here.source], trial)
    if let id = Self.snapshot(in: next) { try expectRestored(id, sourceImage, trial) }
  }

  /// The restored target, if the command wrote one, against what it had to be.
  func expectTargetRestored(after trial: String) throws {
    let image = try #require(acknowledged.first?.image)
    #expect(try TreeImage(of: here.target).differences(from: image) == [], "\(trial)")
  }

  private static func snapshot(in outcome: Outcome) -> String? {
    (try? outcome.message("summary"))?["snapshot_id"].string
  }

  private func savedSnapshot(_ traced: Traced) -> String? {
    guard scenario.effect == .saves, traced.outcome.code != 3 else { return nil }
    return acknowledgedSnapshot(traced)
  }

  private func partialSnapshot(_ traced: Traced) -> String? {
    guard scenario.effect == .saves, traced.outcome.code == 3 else { return nil }
    return acknowledgedSnapshot(traced)
  }

  private func acknowledgedSnapshot(_ traced: Traced) -> String? {
    let line = traced.outcome.lines.last { $0.contains("\"summary\"") }
    return line.flatMap { try? Document(parsing: $0) }?["snapshot_id"].string
  }

  @discardableResult
  private func expectSuccess(_ command: [String], _ trial: String) throws -> Outcome {
    let outcome = try here.varve(command)
    #expect(
      outcome.code == 0,
      "\(trial): then \(command.joined(separator: " ")): \(outcome.code)\n\(outcome.errors)")
    return outcome
  }

  private func restored(
    _ id: String, _ trial: String, orSaying excuse: String? = nil
  ) throws -> TreeImage? {
    let target = here.root + "/restored"
    try remove(target)
    let outcome = try here.varve("restore", "\(id):\(here.source)", "--target", target)
    let isExcused = excuse.map { outcome.code == 1 && outcome.errors.contains($0) } ?? false
    #expect(
      outcome.code == 0 || isExcused,
      "\(trial): restore \(id): \(outcome.code)\n\(outcome.errors)")
    return outcome.code == 0 ? try TreeImage(of: target) : nil
  }

  private func expectRestored(_ id: String, _ image: TreeImage, _ trial: String) throws {
    guard let found = try restored(id, trial) else { return }
    #expect(found.differences(from: image) == [], "\(trial): snapshot \(id)")
  }

  /// So many numbers of 1...total, evenly, or all of them.
  static func sample(_ count: Int, of total: Int) -> [Int] {
    guard !Tools.soak, count < total else { return Array(1...max(1, total)) }
    return (0..<count).map { 1 + ($0 * total + total / 2) / count }
  }
}
