internal import VarveFormat

/// Copies the records of a change cache from the root down into another file, children first.
///
/// Holds the records of the directories between the root and the one that is being copied, as a backup does.
struct ChangeRecordCopy {
  private struct Frame {
    let record: CachedDirectory
    /// Where the copies of the children are, for the entries done so far.
    var children: [UInt64] = []
  }

  private let source: ChangeRecordFile
  private let length: UInt64
  private let target: ChangeRecordFile

  /// - Parameter length: how much of `source` belongs to the cache.
  init(from source: ChangeRecordFile, length: UInt64, to target: ChangeRecordFile) {
    self.source = source
    self.length = length
    self.target = target
  }

  /// Copies the record at `root` and all below it.
  ///
  /// - Returns: where the copy is; nil when a record is missing or damaged.
  func copy(_ root: UInt64) -> UInt64? {
    guard let record = source.record(at: root, length: length) else { return nil }
    var frames = [Frame(record: record)]
    while true {
      let depth = frames.count - 1
      let next = frames[depth].children.count
      if next < frames[depth].record.count {
        guard let entry = frames[depth].record.entry(next) else { return nil }
        if entry.child == ChangeCacheFormat.noRecord {
          frames[depth].children.append(entry.childField)
          continue
        }
        // A record lies before the one that refers to it, so this comes to an end whatever the file says.
        guard entry.child < frames[depth].record.offset,
          let child = source.record(at: entry.child, length: length)
        else { return nil }
        frames.append(Frame(record: child))
        continue
      }
      guard let copied = write(frames[depth]) else { return nil }
      frames.removeLast()
      guard let parent = frames.indices.last else { return copied }
      let mark =
        frames[parent].record.entry(frames[parent].children.count)?.isCarriedOver == true
        ? ChangeCacheFormat.carriedOver : 0
      frames[parent].children.append(copied | mark)
    }
  }

  private func write(_ frame: Frame) -> UInt64? {
    let old = frame.record
    var bodiesLength = 0
    for index in 0..<old.count {
      guard let entry = old.entry(index) else { return nil }
      bodiesLength += entry.body.count
    }
    guard
      ChangeRecordWriter.length(count: old.count, bodiesLength: bodiesLength)
        <= ChangeRecordWriter.limit
    else { return nil }
    var record = ChangeRecordWriter(
      target, count: old.count, bodiesLength: bodiesLength, node: old.node,
      isPartial: old.isPartial)
    for index in 0..<old.count {
      guard let entry = old.entry(index) else { return nil }
      record.add(
        entry.signature, bodyLength: entry.body.count, child: frame.children[index],
        leaf: entry.leaf)
    }
    for index in 0..<old.count {
      guard let entry = old.entry(index) else { return nil }
      record.add(entry.body)
      if index % CachedDirectory.releaseStep == 0 { old.release(0..<index) }
    }
    return record.finish()
  }
}
