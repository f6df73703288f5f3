import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// One thread of a rewrite, and what it reuses.
final class RewriteWorker: @unchecked Sendable {
  /// A node of the source that cannot be read.
  private struct UnreadableNode: Error {
    let error: VarveError
  }

  private unowned let rewriter: TreeRewriter
  /// Of the source.
  let reader: ChunkReader
  /// To the store.
  let writer: ChunkWriter
  private var nodes = TreeNodeWriter()
  private var proof: ProofRootBuilder
  private var path: [UInt8] = []

  init(_ rewriter: TreeRewriter, reader: ChunkReader, writer: ChunkWriter) {
    self.rewriter = rewriter
    self.reader = reader
    self.writer = writer
    proof = ProofRootBuilder(proofKey: rewriter.proofKey)
  }

  /// Works until the tree is done or the work is stopped.
  func run(_ stack: TaskStack<TreeRewriter.Task, TreeRewriter.Errand>) throws {
    do {
      var finished = false
      while let item = stack.next(finished: finished) {
        finished = true
        switch item {
        case .chunk(let errand):
          rewriter.tookErrand()
          try errand(self)
        case .task(.directory(let job)): try read(job)
        case .task(.children(let job, let next)): try enter(job, from: next)
        case .rendezvous:
          finished = false
          try rewriter.meet(self)
        }
      }
    } catch {
      stack.stop()
      throw error
    }
  }

  /// Stores a node, a chunk list or a part of a link table.
  func store(node: UnsafeRawBufferPointer) throws -> Digest { try writer.addTree(node).id }

  // MARK: Reading

  private func read(_ job: RewriteJob) throws {
    try rewriter.cancellation.check()
    var children: [RewriteJob.Child] = []
    var counts = TreeCounts()
    path.removeAll(keepingCapacity: true)
    path.append(contentsOf: job.path)
    path.append(UInt8(ascii: "/"))
    let prefix = path.count
    do {
      try forEachEntry(of: job, isFirst: true) { ordinal, entry in
        path.removeSubrange(prefix...)
        path.append(contentsOf: entry.name)
        let decision = try path.withUnsafeBytes {
          try rewriter.edit.decide(entry, at: $0, by: self)
        }
        switch decision {
        case .keep:
          switch try CommitmentFields(body: entry.body).content {
          case .directory:
            guard case .directory(let content) = try entry.decode().content else { return }
            guard job.depth < TreeLimits.depth else {
              throw VarveError(.damaged, "a tree has more than \(TreeLimits.depth) levels")
            }
            counts.directories += 1
            let start = job.names.count
            job.names.append(contentsOf: entry.name)
            children.append(
              RewriteJob.Child(
                ordinal: ordinal, name: start..<job.names.count, content: content))
          case .file(let size, _):
            counts.files += 1
            counts.bytes &+= size
          case .link, .device, .none: break
          }
        case .drop: job.changes.append(RewriteJob.Change(ordinal: ordinal, body: nil))
        case .replace(let replacement):
          if case .file(let file) = replacement.content {
            counts.files += 1
            counts.bytes &+= file.size
          }
          let body = try replacement.encode()
          let start = job.bodies.count
          job.bodies.append(contentsOf: body)
          job.changes.append(
            RewriteJob.Change(ordinal: ordinal, body: start..<job.bodies.count))
        }
      }
    } catch let unreadable as UnreadableNode {
      try miss(job, unreadable.error)
      children = []
      counts = TreeCounts()
    } catch let error as VarveError where error.code == .damaged {
      try miss(job, error)
      children = []
      counts = TreeCounts()
    }
    job.counts.withLock { $0.add(counts) }
    if !children.isEmpty {
      job.setChildren(children)
      job.pending.add(children.count, ordering: .relaxed)
      rewriter.push(.children(job, from: 0))
    }
    try finish(job)
  }

  /// The whole directory is not to be had: it becomes empty.
  private func miss(_ job: RewriteJob, _ error: VarveError) throws {
    try rewriter.edit.missed(job.content, at: job.shownPath, error)
    job.counts.withLock { $0 = TreeCounts() }
    job.missedNodes = [job.content.id]
    job.changes = []
    job.bodies = []
    job.names = []
  }

  /// Calls `body` with each entry of the directory and its ordinal.
  ///
  /// - Parameter isFirst: whether the edit is to be told of parts that are missed; the second time they are passed over.
  private func forEachEntry(
    of job: RewriteJob, isFirst: Bool, _ body: (UInt64, RawTreeEntry) throws -> Void
  ) throws {
    if job.missedNodes.contains(job.content.id) { return }
    var ordinal: UInt64 = 0
    func fetch(_ id: Digest) throws -> [UInt8] {
      do {
        return try reader.chunk(id)
      } catch let error as VarveError where error.isOfObject {
        throw UnreadableNode(error: error)
      }
    }
    func passOver(_ part: TreePart, _ error: any Error) throws {
      if isFirst {
        guard let unreadable = error as? UnreadableNode else { throw error }
        try rewriter.edit.missed(job.content, at: job.shownPath, unreadable.error)
        job.missedNodes.insert(part.id)
      } else if !job.missedNodes.contains(part.id) {
        throw error
      }
      ordinal &+= part.entryCount
    }
    try DirectoryReader.forEachEntry(
      of: job.content.id, entryCount: job.content.entryCount, fetch: fetch, passOver: passOver
    ) { entry in
      try body(ordinal, entry)
      ordinal &+= 1
    }
  }

  private func enter(_ job: RewriteJob, from first: Int) throws {
    var next = first
    while next < job.children.count {
      let child = job.children[next]
      let path = job.path(of: child)
      let key = rewriter.key(of: child.content.id, at: path)
      if let known = rewriter.memory[key] {
        attach(known, to: job, next)
        next += 1
        try finish(job)
        continue
      }
      if next + 1 < job.children.count { rewriter.push(.children(job, from: next + 1)) }
      return try read(
        RewriteJob(parent: job, place: next, child.content, path: path, key: key))
    }
  }

  // MARK: Writing

  /// Notes that one thing of the directory is done; completes it, and what it completes in turn, when it was the last.
  private func finish(_ job: RewriteJob) throws {
    var job = job
    while job.pending.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
      let tree = RewrittenTree(
        content: try complete(job), counts: job.counts.withLock { $0 })
      rewriter.memory[job.key] = tree
      guard let parent = job.parent else { return rewriter.finish(tree) }
      attach(tree, to: parent, job.place)
      job = parent
    }
  }

  private func attach(_ tree: RewrittenTree, to parent: RewriteJob, _ place: Int) {
    parent.counts.withLock { $0.add(tree.counts) }
    guard parent.children[place].content != tree.content else { return }
    parent.children[place].content = tree.content
    parent.children[place].isChanged = true
  }

  private func complete(_ job: RewriteJob) throws -> DirectoryContent {
    if rewriter.keepsNodes, job.changes.isEmpty, job.missedNodes.isEmpty,
      job.children.allSatisfy({ !$0.isChanged })
    {
      return job.content
    }
    do {
      return try encode(job)
    } catch let unreadable as UnreadableNode {
      try miss(job, unreadable.error)
      return try encode(job)
    }
  }

  private func encode(_ job: RewriteJob) throws -> DirectoryContent {
    nodes.reset()
    proof.removeAll()
    var change = 0
    var child = 0
    try forEachEntry(of: job, isFirst: false) { ordinal, entry in
      if change < job.changes.count, job.changes[change].ordinal == ordinal {
        defer { change += 1 }
        guard let range = job.changes[change].body else { return }
        try job.bodies.withUnsafeBytes {
          try append(UnsafeRawBufferPointer(rebasing: $0[range]))
        }
      } else if child < job.children.count, job.children[child].ordinal == ordinal {
        defer { child += 1 }
        guard job.children[child].isChanged else { return try append(entry.body) }
        var changed = try entry.decode()
        changed.content = .directory(job.children[child].content)
        try changed.encode().withUnsafeBytes(append)
      } else {
        try append(entry.body)
      }
    }
    let (id, count) = try nodes.finish(store: store(node:))
    return DirectoryContent(id: id, proofRoot: proof.root, entryCount: count)
  }

  private func append(_ body: UnsafeRawBufferPointer) throws {
    try nodes.append(body, store: store(node:))
    proof.add(body: body, fields: try CommitmentFields(body: body))
  }
}
