import Glibc
import Synchronization
internal import VarveCrypto
import VarveFormat
internal import VarveRepository
internal import VarveStorage

extension AssembledTree {
  /// The members of a tar archive: plain, or compressed by gzip or zstd.
  ///
  /// Absolute names are taken relative; those with `..` are refused. Of several members of one name the last counts.
  /// Memory is bounded whatever the archive says; what a tree cannot have is reported as a problem of the backup.
  ///
  /// - Parameters:
  ///   - path: the archive; nil for standard input.
  ///   - prefix: where its members go in the snapshot.
  public static func tarArchive(at path: [UInt8]?, prefix: SnapshotPath = .root) -> AssembledTree {
    AssembledTree(source: ArchiveImport(path: path, prefix: prefix))
  }
}

/// Puts a tree together from an archive.
///
///     member -> data cut, addressed, stored as that of any file -> entry without its place in a directory -> sorter
///     sorter -> hard links find what they are linked to -> of each path the last entry -> tree, bottom-up
struct ArchiveImport: TreeSource {
  let path: [UInt8]?
  let prefix: SnapshotPath

  var paths: [[UInt8]] { [prefix.bytes] }
  var isRepeatable: Bool { path != nil }
  private var name: String { path.map(EscapedBytes.text) ?? "standard input" }

  func store(by worker: BackupWorker) throws -> NodeReference {
    var descriptor = STDIN_FILENO
    if let path {
      descriptor = (path + [0]).withUnsafeBytes {
        open($0.baseAddress!.assumingMemoryBound(to: CChar.self), O_RDONLY | O_CLOEXEC)
      }
      guard descriptor >= 0 else { throw VarveError(system: errno, "cannot open \(name)") }
    }
    defer { if path != nil { close(descriptor) } }
    let session = worker.session
    do {
      let input = try ArchiveInput(
        descriptor: descriptor, name: "its data", cancellation: session.cancellation)
      let members = ArchiveMembers(worker, prefix: prefix, archive: name)
      let reader = TarReader(input, accounts: session.accounts)
      while let step = try reader.next() {
        try session.cancellation.check()
        switch step {
        case .member(let member): try members.take(member, from: reader)
        case .unknown(let path, let type):
          members.leaveOut(
            path, "members of type \(EscapedBytes.text([type])) have no place in a tree")
        }
      }
      if !reader.hasEndMark {
        members.leaveOut([], "it has no end mark: what comes last may be missing")
      }
      let (digest, hasMore) = try input.finish()
      if hasMore {
        members.leaveOut(
          [],
          "there is more behind its end mark, as in archives that were put together: import each by itself"
        )
      }
      session.recordedMeta.withLock { $0["archive-sha256"] = digest.hex }
      return try members.finish()
    } catch let error as VarveError where error.code == .io {
      throw VarveError(.io, "\(name): \(error.message)", hint: error.hint, cause: error.cause)
    }
  }
}
