import Varve
import VarveFormat
import VarveRepository

extension ProfileRun {
  /// Saves every source into every repository that is open.
  ///
  /// - Throws: `.io` when the metadata cannot be had; `.interrupted`.
  func capture(_ targets: [RunTarget], _ staging: StagingDirectory, _ hooks: HookRun) throws {
    let meta = try MetadataCapture.values(
      profile.meta, environment: hooks.environment, cancellation: surroundings.cancellation)
    for source in profile.sources {
      try surroundings.cancellation.check()
      let staged: Result<DatabaseCopy?, any Error>
      switch source.origin {
      case .sqlite(let path):
        staged = Result {
          try staging.make()
          return try DatabaseCapture.copy(
            path, into: staging, cancellation: surroundings.cancellation)
        }
      case .path, .command: staged = .success(nil)
      }
      if let omission = try? staged.get()?.omission {
        surroundings.note(
          "\(source.name): some tables were not compared with their indexes: \(omission)")
      }
      for target in targets {
        var outcome = SourceOutcome(source: source.name, result: .failure)
        do {
          let copy = try staged.get()
          if let failure = target.failure { throw failure }
          let options = try backupOptions(
            source, copy: copy?.path, meta: meta, set: target.record.id, hooks)
          try save(options, into: target, lacking: copy?.problems ?? [], &outcome)
          // SQLite writes a page all the same.
          if copy?.isEmpty == true { outcome.bytes = 0 }
          judge(&outcome, of: source, target)
        } catch let error as VarveError where error.code == .interrupted {
          throw error
        } catch {
          let error = error as? VarveError ?? VarveError(.io, "\(error)")
          outcome.message = RunTarget.bounded(ByteText.printable(error.message))
          target.add(message: "\(source.name): \(error.message)")
          // What is wrong with the repository as a whole has been said.
          if target.failure == nil {
            surroundings.warn(
              "\(profile.name), \(source.name), \(target.record.repository): \(error.message)")
          }
          // A store that does not answer is not asked again and again.
          if error.code == .unavailable, case .success = staged, target.failure == nil {
            target.give(up: error)
            surroundings.warn(
              "\(profile.name), \(target.record.repository): nothing more is saved there in this run"
            )
          }
        }
        target.record.sources.append(outcome)
      }
      if case .sqlite = source.origin { try? staging.clear() }
    }
  }

  private func backupOptions(
    _ source: Source, copy: String?, meta: [String: String], set: String, _ hooks: HookRun
  ) throws -> BackupOptions {
    var options: BackupOptions
    switch source.origin {
    case .path(let path): options = BackupOptions(source: .paths([Array(path.utf8)]))
    case .sqlite(let path):
      options = BackupOptions(source: .paths([Array((copy ?? path).utf8)]))
      options.asPath = Array(path.utf8)
    case .command(let command, let fileName):
      let environment = hooks.environment
      options = BackupOptions(
        source: .stream(
          { try CommandStream(command, environment: environment) }, name: Array(fileName.utf8)))
    }
    options.excludes = source.excludes.map { Array($0.utf8) }
    options.oneFileSystem = source.oneFileSystem
    options.excludeCaches = source.excludeCaches
    options.reportsChangedDirectories = true
    options.chunkSizes = try source.chunkSize.map { try RepositoryConfig.ChunkSizes(mean: $0) }
    options.host = profile.host.map { Array($0.utf8) }
    var tags = profile.tags
    for tag in source.tags where !tags.contains(tag) { tags.append(tag) }
    options.tags = tags
    options.meta = meta.merging(["profile": profile.name, "source": source.name, "set": set]) {
      $1
    }
    options.dryRun = self.options.dryRun
    return options
  }

  /// - Parameter lacking: what the copy that is saved does not have.
  private func save(
    _ options: BackupOptions, into target: RunTarget, lacking: [String],
    _ outcome: inout SourceOutcome
  ) throws {
    guard let repository = target.repository else { return }
    // Anew for each source: it has what the one before has stored.
    let report = try Backup.run(
      IndexedRepository(repository), options: options, cancellation: surroundings.cancellation)
    outcome.snapshot = report.snapshot
    outcome.files = Int64(clamping: report.counts.filesProcessed)
    outcome.filesNew = Int64(clamping: report.counts.filesNew)
    outcome.filesChanged = Int64(clamping: report.counts.filesChanged)
    outcome.bytes = Int64(clamping: report.counts.bytesProcessed)
    outcome.bytesAdded = Int64(clamping: report.counts.dataAdded)
    outcome.bytesStored = Int64(clamping: report.counts.dataAddedPacked)
    let problems =
      lacking
      + report.problems.map {
        "\(ByteText.printable($0.path)): \(ByteText.printable($0.message))"
      }.sorted()
    outcome.result = problems.isEmpty ? .success : .incomplete
    for problem in problems { surroundings.warn(problem) }
    if let first = problems.first {
      let others = problems.count == 1 ? "" : " and \(problems.count - 1) more"
      let text = "not all was saved as it was: \(first)\(others)"
      let notice = "not all was saved as it was: \(HumanText.count(problems.count, "problem"))"
      outcome.message = RunTarget.bounded(text)
      outcome.notice = notice
      target.add(
        message: "\(outcome.source): \(text)", notice: "\(outcome.source): \(notice)")
    }
  }
}
