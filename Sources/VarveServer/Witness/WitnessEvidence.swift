// What a log signed and a witness refused, below `conflicts/<hex>/` of the witness's directory (Witness.swift):
//
//     forks/<size>-<root>              of the recorded size, with another root: the log has forked, whoever sent it
//     longer/<number>-<size>-<root>    of a larger size, to which the proof did not lead: a fork, or a right head that somebody
//                                      sent with a wrong proof until it is cosigned
//
// Each head is there once, with one signature of the log. Only the log's key makes forks: the first ones stay. Anybody can send what
// the log has signed with a wrong proof, so of longer heads the oldest give way, and never take the place of a fork.

import VarveFormat
import VarveProof
import VarveStorage

/// What a witness keeps of one log's conflicts.
struct WitnessEvidence {
  /// The most forks of a log, and the most longer heads.
  static let limit = 16

  private let storage: any StorageBackend
  private let directory: String

  /// - Parameter hash: the log's, of its origin.
  init(ofHash hash: String, in storage: any StorageBackend) {
    self.storage = storage
    directory = "conflicts/\(hash)"
  }

  /// - Parameter isFork: whether the head has the size that is recorded, and another root.
  func keep(_ note: SignedNote, _ head: TreeHead, isFork: Bool) throws {
    guard let signature = note.signatures.first else { return }
    let bytes = note.filtered { _ in false }.adding([signature]).bytes
    try isFork ? keepFork(bytes, head) : keepLonger(bytes, head)
  }

  /// The head is cosigned: it is no conflict.
  func forget(_ head: TreeHead) throws {
    for kept in try longer() where kept.name.hasSuffix(Self.suffix(head)) {
      try storage.remove(kept.name)
    }
  }

  private static func suffix(_ head: TreeHead) -> String { "-\(head.size)-\(head.root.hex)" }

  private func keepFork(_ bytes: [UInt8], _ head: TreeHead) throws {
    var count = 0
    try storage.list("\(directory)/forks") { _, _ in count += 1 }
    guard count < Self.limit else { return }
    let name = "\(directory)/forks/\(head.size)-\(head.root.hex)"
    _ = try storage.createExclusively(name, bytes)
  }

  private func keepLonger(_ bytes: [UInt8], _ head: TreeHead) throws {
    let kept = try longer()
    guard !kept.contains(where: { $0.name.hasSuffix(Self.suffix(head)) }) else { return }
    let number = (kept.last?.number ?? 0) &+ 1
    _ = try storage.createExclusively(
      "\(directory)/longer/\(number)\(Self.suffix(head))", bytes)
    for old in kept.dropLast(Self.limit - 1) { try storage.remove(old.name) }
  }

  /// The longer heads that are kept, the oldest first.
  private func longer() throws -> [(number: UInt64, name: String)] {
    var kept: [(number: UInt64, name: String)] = []
    try storage.list("\(directory)/longer") { name, _ in
      guard let file = name.split(separator: "/").last,
        let number = file.split(separator: "-").first.flatMap({ UInt64($0) })
      else { return }
      kept.append((number, name))
    }
    return kept.sorted { $0.number < $1.number }
  }
}
