import CVarveLinux
import Glibc
import Varve
import VarveFormat
import VarveRepository

extension ProfileRun {
  /// What is to be said of a source that was saved, beside what the backup says: that nothing is left of it, that it is only
  /// a link, that it has changed too much. Of such a source nothing is forgotten in this run.
  func judge(_ outcome: inout SourceOutcome, of source: Source, _ target: RunTarget) {
    guard outcome.result != .failure else { return }
    let history = target.history(of: source.name)
    if !source.mayBeEmpty { judgeContent(&outcome, of: source, target, history) }
    judgeChange(&outcome, target, history)
  }

  private func judgeContent(
    _ outcome: inout SourceOutcome, of source: Source, _ target: RunTarget,
    _ history: [SourceOutcome]
  ) {
    var content = SourceContent(history: history)
    if outcome.files == 0 || outcome.bytes == 0, history.allSatisfy({ $0.result == .failure }) {
      // This host remembers nothing, as in a container without its state: the repository may.
      content = SourceContent(of: source, profile, outcome, in: target)
    }
    outcome.filesMissing = outcome.files == 0 ? content.files : 0
    outcome.bytesMissing = outcome.bytes == 0 ? content.bytes : 0
    let doubts = [source.linkDoubt, outcome.emptinessDoubt(source)].compactMap(\.self)
    guard !doubts.isEmpty else { return }
    let text = doubts.joined(separator: "; ")
    outcome.result = .incomplete
    outcome.message = RunTarget.bounded(
      [text, outcome.message].compactMap(\.self).joined(separator: "; "))
    outcome.notice = outcome.notice.map { "\(text); \($0)" }
    target.add(message: "\(outcome.source): \(text)")
    target.doubtful.insert(outcome.source)
    surroundings.warn("\(profile.name), \(outcome.source): \(text)")
  }

  private func judgeChange(
    _ outcome: inout SourceOutcome, _ target: RunTarget, _ history: [SourceOutcome]
  ) {
    // What is not there any more: nobody has counted it, but the run before knows how many there were.
    if let before = history.last(where: { $0.result == .success || $0.result == .incomplete }) {
      let kept = outcome.files - outcome.filesNew
      outcome.filesRemoved = max(0, before.files - max(0, kept))
    }
    guard let text = profile.changeAlarm?.judge(outcome, history: history) else { return }
    outcome.alarm = text
    target.doubtful.insert(outcome.source)
    surroundings.warn("\(profile.name), \(outcome.source): \(text)")
  }
}

/// What a source had when it last had anything.
struct SourceContent {
  private(set) var files: Int64 = 0
  private(set) var bytes: Int64 = 0

  /// By what earlier runs say, oldest first. One that found nothing says what it missed, so that this is not forgotten with
  /// the runs before.
  init(history: [SourceOutcome]) {
    let saved = history.reversed().filter { $0.result == .success || $0.result == .incomplete }
    files = saved.lazy.map { max($0.files, $0.filesMissing) }.first { $0 > 0 } ?? 0
    bytes = saved.lazy.map { max($0.bytes, $0.bytesMissing) }.first { $0 > 0 } ?? 0
  }

  /// By the newest live snapshot that has more than the one that was just made; nothing where records cannot be opened.
  init(of source: Source, _ profile: Profile, _ outcome: SourceOutcome, in target: RunTarget) {
    guard let repository = target.repository, repository.role != .writer,
      let place = try? source.place(on: profile.host)
    else { return }
    let own = SnapshotFilter(
      hosts: [place.host], paths: place.paths,
      meta: ["profile": profile.name, "source": source.name])
    let live = repository.log.state.snapshotsInOrder.map(\.id)
    let all = ((try? repository.eachSnapshotHeading(live)) ?? []).map { try? $0.get() }
    let made = zip(live, all).first { $0.0 == outcome.snapshot }?.1
    let newest = all.reversed().lazy.compactMap(\.self).first {
      !$0.isPartial && own.matches($0)
        && ($0.files > made?.files ?? 0 || $0.bytes > made?.bytes ?? 0)
    }
    files = newest?.files ?? 0
    bytes = newest?.bytes ?? 0
  }
}

extension SourceOutcome {
  fileprivate func emptinessDoubt(_ source: Source) -> String? {
    guard filesMissing > 0 || bytesMissing > 0 else { return nil }
    let lost =
      filesMissing > 0
      ? HumanText.count(filesMissing, "file") : HumanText.bytes(UInt64(bytesMissing))
    let question =
      switch source.origin {
      case .path: filesMissing > 0 ? "is it mounted?" : "is that as it should be?"
      case .sqlite: "is this the database?"
      case .command: "did all of the command succeed?"
      }
    return "nothing is left of \(lost); \(question)"
  }
}

extension Source {
  /// The link alone is saved, as restic does it.
  fileprivate var linkDoubt: String? {
    guard case .path(let path) = origin else { return nil }
    var target: CChar = 0
    let clean = String(decoding: CleanPath.clean(path.utf8), as: UTF8.self)
    guard varve_readlink(AT_FDCWD, clean, &target, 1) > 0 else { return nil }
    return
      "it is a symbolic link, and nothing that it leads to is saved; name the place that it leads to"
  }
}
