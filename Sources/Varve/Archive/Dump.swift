public import VarveFormat
public import VarveRepository

/// Writes a file's content, or a directory as a tar archive, to a stream: what `varve dump` does.
///
/// Chunks are fetched ahead on helper threads; memory is bounded (about 32 MiB and what each thread's
/// reader keeps) whatever the size.
public struct Dump: Sendable {
  private let snapshot: SnapshotRecord
  private let makeSource: @Sendable () throws -> any ChunkSource
  private let cancellation: CancellationFlag
  private let helpers: Int

  /// - Parameters:
  ///   - snapshot: what is dumped from.
  ///   - makeSource: gives each thread a source of its own.
  ///   - cancellation: polled about once a MiB.
  ///   - helpers: threads that fetch ahead; nil for one a processor.
  public init(
    _ snapshot: SnapshotRecord, cancellation: CancellationFlag = CancellationFlag(),
    helpers: Int? = nil, makeSource: @escaping @Sendable () throws -> any ChunkSource
  ) {
    self.snapshot = snapshot
    self.cancellation = cancellation
    self.helpers = helpers ?? WorkerThreads.processorCount
    self.makeSource = makeSource
  }

  /// What `dump` would write for a path.
  public enum Form: Sendable, Equatable {
    case fileContent
    case tarArchive
  }

  /// - Throws: `.notFound` when the snapshot has no such path, or it is neither a file nor a directory;
  ///   `.damaged` and `.missing`.
  public func form(of path: SnapshotPath) throws -> Form {
    switch try entry(at: path)?.content {
    case .file: return .fileContent
    case .directory, nil: return .tarArchive
    case .link, .device, .some(.none):
      throw VarveError(.notFound, "\(path) is neither a file nor a directory")
    }
  }

  /// Writes the content of the file at `path`, holes as zeros.
  ///
  /// - Throws: `.notFound`, `.damaged`, `.missing`, `.interrupted`, and `.io` when the output cannot be
  ///   written. What has been written by then is right, but not all.
  public func writeFile(at path: SnapshotPath, to output: DescriptorOutput) throws {
    guard case .file(let content)? = try entry(at: path)?.content else {
      throw VarveError(.notFound, "\(path) is no file")
    }
    try run(to: output) { pipeline, source in
      try pipeline.append(content, from: source)
    }
  }

  /// Writes what is at `path` as a pax archive; hard links within it stay links.
  ///
  /// - Parameters:
  ///   - path: a directory with all below, or any other entry alone.
  ///   - base: what is left out at the front of the members' names; `path` lies in it. The member for
  ///     `base` itself is left out.
  /// - Throws: as `writeFile`.
  public func writeTar(
    at path: SnapshotPath, relativeTo base: SnapshotPath = .root, to output: DescriptorOutput
  ) throws {
    guard path.lies(in: base) else {
      throw VarveError(.usage, "\(path) does not lie in \(base)")
    }
    let entry = try entry(at: path)
    let snapshot = snapshot
    try run(to: output) { pipeline, source in
      let archiver = try TreeArchiver(
        TarStream(pipeline, source: source), base: base,
        links: LinkLookup(snapshot, from: source), source: source)
      try archiver.write(entry, at: path, root: snapshot.rootDirectory)
    }
  }

  private func entry(at path: SnapshotPath) throws -> TreeEntry? {
    try TreeLookup.entry(at: path, below: snapshot.rootDirectory, from: try makeSource())
  }

  private func run(
    to output: DescriptorOutput,
    _ produce: @escaping @Sendable (ChunkPipeline, any ChunkSource) throws -> Void
  ) throws {
    try ChunkPipeline.run(
      to: output, helpers: helpers, cancellation: cancellation, makeSource: makeSource, produce)
  }
}
