import VarveFormat
import VarveRepository

/// This host's own claims on a task, so that one whose process was killed does not keep this very host waiting.
struct ClaimMemory {
  private let path: String

  init(_ client: ClientDirectories, _ repository: String, _ task: MaintenanceTask) {
    path = "\(client.state)/runs/claim-\(task.rawValue)-\(RunJournal.fileName(of: repository))"
  }

  /// The newest.
  var tokens: [Digest] {
    guard let bytes = try? FileWriting.read(path) else { return [] }
    return bytes.split(separator: 0x0a).prefix(2).compactMap {
      Digest(hex: String(decoding: $0, as: UTF8.self))
    }
  }

  /// - Throws: `.io`.
  func keep(_ tokens: [Digest]) throws {
    try FileWriting.replace(
      path, with: tokens.prefix(2).flatMap { Array($0.hex.utf8) + [0x0a] }, mode: 0o600)
  }
}
