// What a client remembers of one repository's log, in `<state>/<RID>/`:
//
//     checkpoint   the newest head that this client has verified, as the text of a checkpoint:
//                  origin, size, root. Only ever replaced by a larger one.
//     log          the commits up to that head, one after another, each after its length as u32
//                  little-endian. What follows the head is ignored.
//     fold         what the log up to an earlier head folds to (StoredFold.swift), so that only the
//                  rest of the copy is parsed.
//     lock         held while `checkpoint` is compared and replaced.
//
// A head that is smaller than the one remembered, or has another root at its size, is a rollback.
// The copy of the log counts for nothing by itself: it is used when its Merkle root is the
// remembered one, and then the commits need neither be read from storage nor verified again. Each
// commit has one place in the copy, so processes that write it at the same time write the same
// bytes.

import Glibc
package import VarveFormat
package import VarveProof

package struct ClientState: Sendable {
  let directory: String
  private let origin: String

  package init(_ directories: ClientDirectories, repository: Digest) {
    directory = "\(directories.state)/\(repository.hex)"
    origin = RepositoryConfig.origin(of: repository)
  }

  private var pinPath: String { "\(directory)/checkpoint" }
  private var copyPath: String { "\(directory)/log" }
  private var foldPath: String { "\(directory)/fold" }

  /// The newest head that this client has verified, or nil when it has never seen the repository.
  package func pin() throws -> TreeHead? {
    guard let bytes = try FileWriting.read(pinPath) else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self),
      let checkpoint = try? Checkpoint(text: text, pinPath), checkpoint.origin == origin
    else {
      throw VarveError(
        .damaged, "\(pinPath), the record of the last verified log head, is damaged",
        hint: "if you trust the repository as it is now, remove that file")
    }
    return checkpoint.head
  }

  /// The fold that was stored last, or nil when there is none that is intact.
  func fold(config: RepositoryConfig, configDigest: Digest) throws -> LogFold? {
    guard let bytes = try FileWriting.read(foldPath) else { return nil }
    return StoredFold.decode(bytes, config: config, configDigest: configDigest)
  }

  /// Stores a fold, whose head must be remembered already. It can be made again at any time, so a failure
  /// is none, and nothing is synced.
  func store(_ fold: LogFold) {
    try? FileWriting.replace(
      foldPath, with: StoredFold.encode(fold), mode: 0o600, isDurable: false)
  }

  /// The commits in the copy of the log from byte `start` on, as far as it can be read.
  package func commits(from start: UInt64) throws -> [[UInt8]] {
    guard let bytes = try FileWriting.read(copyPath, from: start) else { return [] }
    var commits: [[UInt8]] = []
    var offset = 0
    while bytes.count - offset >= Self.lengthByteCount {
      let length = (0..<Self.lengthByteCount).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
      offset += Self.lengthByteCount
      guard length > 0, length <= bytes.count - offset else { break }
      commits.append(Array(bytes[offset..<offset + length]))
      offset += length
    }
    return commits
  }

  private static let lengthByteCount = 4

  /// Bytes that `commit` takes in the copy.
  static func copyByteCount(_ commit: [UInt8]) -> UInt64 { UInt64(lengthByteCount + commit.count) }

  /// Writes commits into the copy, the first of them at `offset`.
  func write(_ commits: [[UInt8]], at offset: UInt64) throws {
    guard !commits.isEmpty else { return }
    try FileWriting.makeDirectory(directory, mode: 0o700)
    var writer = ByteWriter()
    for commit in commits {
      writer.u32(UInt32(commit.count))
      writer.raw(commit)
    }
    try FileWriting.write(copyPath, at: offset, writer.bytes, mode: 0o600)
  }

  /// Remembers `head` unless a larger one is remembered already.
  ///
  /// - Parameter isConsistent: says of a head that another process has remembered meanwhile, and
  ///   that is not larger, whether it belongs to the same log.
  package func advancePin(to head: TreeHead, isConsistent: (TreeHead) -> Bool) throws {
    do {
      try FileWriting.makeDirectory(directory, mode: 0o700)
      try FileWriting.locked("\(directory)/lock") {
        if let known = try pin() {
          guard known.size > head.size || isConsistent(known) else { throw rollback(known, head) }
          guard known.size < head.size else { return }
        }
        let text = Checkpoint(origin: origin, head: head).text
        try FileWriting.replace(pinPath, with: Array(text.utf8), mode: 0o600)
      }
    } catch let error as VarveError where error.code == .io {
      throw VarveError(
        .io, "cannot record the verified log head in \(directory)",
        hint: "set XDG_STATE_HOME to a directory that you can write to", cause: error)
    }
  }

  /// The error for a log that is not a continuation of the one this client has seen.
  func rollback(_ pin: TreeHead, _ head: TreeHead) -> VarveError {
    let happened =
      head.size < pin.size
      ? "it has \(head.size) entries, and had \(pin.size)"
      : "its first \(pin.size) entries are not those that were there"
    return VarveError(
      .rollback, "the log of \(origin) was rolled back: \(happened) when this client last saw it",
      hint: "find out who changed the repository, or whether it was restored from an older copy"
        + (head.size < pin.size ? ", or is a twin that 'varve mirror' has to bring up to date" : "")
        + "; to accept it as it is now, remove \(pinPath)")
  }
}
