internal import VarveFormat
internal import VarveRepository

/// After a loss the change cache still tells what has changed, and no longer what is stored.
extension BackupWorker {
  /// Whether the content of a cached entry can be relied on. It is looked up only if something was lost since the cache
  /// was made; a file of more chunks than its entry lists is then read again, as not every role can read the list.
  func isStored(_ cached: CachedEntry, type: EntryType) -> Bool {
    guard session.isCacheDoubtful, type == .file else { return true }
    guard let entry = try? TreeEntry(body: cached.body), case .file(let file) = entry.content,
      case .chunks(let chunks) = file.form
    else { return false }
    return chunks.allSatisfy { session.store.has($0.address) }
  }
}
