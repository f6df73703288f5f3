internal import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// Brings content objects to the target. Each is read as a whole and compared with its name before it is stored, so memory is
/// that of the objects under way.
final class MirrorTransfer: Sendable {
  private let mirror: Mirror
  private let objects: [MirrorObject]
  private let tally = Mutex(Tally())

  private struct Tally {
    var copied: UInt64 = 0
    var replaced: UInt64 = 0
    var bytesCopied: UInt64 = 0
    var bytesVerified: UInt64 = 0
    var failures: [MirrorReport.Failure] = []
  }

  init(_ mirror: Mirror, _ plan: MirrorPlan) {
    self.mirror = mirror
    objects = plan.objects
  }

  /// In the order of their names.
  var failures: [MirrorReport.Failure] {
    tally.withLock { $0.failures }.sorted { $0.name < $1.name }
  }

  /// Adds what was done.
  func count(into report: inout MirrorReport) {
    let tally = tally.withLock { $0 }
    report.objectsCopied += tally.copied
    report.objectsReplaced += tally.replaced
    report.bytesCopied += tally.bytesCopied
    report.bytesVerified += tally.bytesVerified
    // What was counted as present before it was read.
    report.objectsPresent -= min(report.objectsPresent, replacedPresent.load(ordering: .relaxed))
  }

  private let replacedPresent = Atomic<UInt64>(0)

  func run() throws {
    let (large, small) = plan()
    mirror.progress.isPlanned.store(true, ordering: .releasing)
    try run(small, threads: mirror.options.requests)
    try run(large, threads: mirror.options.transfers)
  }

  /// Places of what there is to do. 4 bytes each.
  private func plan() -> (large: [UInt32], small: [UInt32]) {
    var (large, small): ([UInt32], [UInt32]) = ([], [])
    var bytes: UInt64 = 0
    for (place, object) in objects.enumerated() {
      switch object.status {
      case .dead: continue
      case .present: guard mirror.options.readsData else { continue }
      case .absent, .wrong: break
      }
      if object.kind.isLarge {
        large.append(UInt32(truncatingIfNeeded: place))
      } else {
        small.append(UInt32(truncatingIfNeeded: place))
      }
      if object.size != MirrorObject.unknownSize { bytes = Self.sum(bytes, object.size) }
    }
    let progress = mirror.progress
    progress.errors.store(0, ordering: .relaxed)
    progress.objectsDone.store(0, ordering: .relaxed)
    progress.bytesDone.store(0, ordering: .relaxed)
    progress.objectsTotal.store(UInt64(large.count + small.count), ordering: .relaxed)
    progress.bytesTotal.store(bytes, ordering: .relaxed)
    return (large, small)
  }

  /// Sizes are what somebody has written into the log.
  private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
  }

  private func run(_ places: [UInt32], threads: Int) throws {
    try ParallelWork.run(places.count, threads: threads, mirror.cancellation) { next in
      let usual = max(ObjectHash.windowByteCount, self.mirror.source.config.packSize)
      var buffer = try ReusableBuffer(capacity: usual)
      while let number = try next() {
        let object = self.objects[Int(places[number])]
        try self.process(object, &buffer, usual)
        self.mirror.progress.objectsDone.add(1, ordering: .relaxed)
        if object.size != MirrorObject.unknownSize {
          self.mirror.progress.bytesDone.add(object.size, ordering: .relaxed)
        }
      }
    }
  }

  // MARK: One object

  private func process(
    _ object: MirrorObject, _ buffer: inout ReusableBuffer, _ usual: Int
  ) throws {
    let name = object.name
    if object.status == .present, let size = try wholeSize(object, name, buffer) {
      tally.withLock { $0.bytesVerified += size }
      return
    }
    let isReplacing = object.status != .absent
    if object.size != MirrorObject.unknownSize, let error = excess(object.size, name) {
      return try fail(.notAtSource, object, name, error, buffer)
    }
    if mirror.options.dryRun {
      let size = object.size == MirrorObject.unknownSize ? 0 : object.size
      return count(size, isReplacing, object)
    }
    let size: Int
    do {
      size = try read(object, name, &buffer, usual)
    } catch {
      let kind = try CheckSession.kind(of: error)
      if object.isOptional && kind == .missing { return }
      return try fail(.notAtSource, object, name, error, buffer)
    }
    do {
      try mirror.target.put(name, UnsafeRawBufferPointer(start: buffer.base, count: size))
    } catch let error as VarveError where error.code == .forbidden && isReplacing {
      return try fail(.notReplaceable, object, name, error, buffer)
    }
    count(UInt64(size), isReplacing, object)
  }

  private func count(_ size: UInt64, _ isReplacing: Bool, _ object: MirrorObject) {
    tally.withLock {
      if isReplacing { $0.replaced += 1 } else { $0.copied += 1 }
      $0.bytesCopied = Self.sum($0.bytesCopied, size)
    }
    if object.status == .present { replacedPresent.add(1, ordering: .relaxed) }
  }

  /// What is wrong with an object that has more bytes than any such object may have: none of them is read, since all
  /// would be held in memory.
  private func excess(_ size: UInt64, _ name: String) -> VarveError? {
    guard size > ObjectName.byteLimit(of: name) else { return nil }
    return VarveError(
      .damaged,
      "\(name) in \(mirror.source.storage.location) is longer than any such object: it has \(size) bytes"
    )
  }

  /// Reads an object from the source into the buffer and gives its length.
  ///
  /// - Throws: `.damaged` or `.missing`.
  private func read(
    _ object: MirrorObject, _ name: String, _ buffer: inout ReusableBuffer, _ usual: Int
  ) throws -> Int {
    let source = mirror.source.storage
    let size: UInt64
    if object.size != MirrorObject.unknownSize {
      size = object.size
    } else {
      guard let found = try source.size(name) else {
        throw VarveError(.missing, "\(name) is not in \(source.location)")
      }
      size = found
    }
    if let error = excess(size, name) { throw error }
    let count = Int(size)
    buffer = try buffer.fitted(to: max(1, count), usually: usual)
    let bytes = UnsafeMutableRawBufferPointer(start: buffer.base, count: count)
    try source.read(name, offset: 0, into: bytes)
    guard SHA256.digest(UnsafeRawBufferPointer(bytes)) == object.digest else {
      throw VarveError(
        .damaged, "\(name) in \(source.location) is damaged: its bytes do not have that digest")
    }
    return count
  }

  /// The length of the object at the target, if it is there and right.
  private func wholeSize(
    _ object: MirrorObject, _ name: String, _ buffer: ReusableBuffer
  ) throws -> UInt64? {
    do {
      guard let size = try mirror.target.size(name),
        object.size == MirrorObject.unknownSize || size == object.size || !object.kind.isLarge
      else { return nil }
      let digest = try ObjectHash.digest(name, size: size, from: mirror.target, buffer) { _ in
        try mirror.cancellation.check()
      }
      return digest == object.digest ? size : nil
    } catch {
      _ = try CheckSession.kind(of: error)
      return nil
    }
  }

  private func fail(
    _ kind: MirrorReport.Failure.Kind, _ object: MirrorObject, _ name: String, _ error: any Error,
    _ buffer: ReusableBuffer
  ) throws {
    let isWhole = try wholeSize(object, name, buffer) != nil
    let failure = MirrorReport.Failure(
      name: name, kind: kind, message: "\(error)", isWholeAtTarget: isWhole)
    tally.withLock { $0.failures.append(failure) }
    mirror.progress.errors.add(1, ordering: .relaxed)
  }
}
