import Varve
import VarveCrypto
import VarveFormat
import VarveRepository

/// One repository of a profile in one run.
final class RunTarget {
  let opening: RepositoryOpening?
  var record: RunRecord
  /// The runs of the same profile into the same repository before this one, oldest first.
  let history: [RunRecord]
  private(set) var repository: UnlockedRepository?
  /// Why nothing more can be saved there.
  private(set) var failure: VarveError?
  /// Sources that may not be what they were: nothing of them is forgotten in this run.
  var doubtful: Set<String> = []
  private var messages: [String] = []
  /// The same without the names of files.
  private var notices: [String] = []

  init(_ profile: Profile, _ repository: String, _ surroundings: RunSurroundings) {
    record = RunRecord(
      id: Hex.encode(SecureRandom.bytes(16)), activity: .backup, name: profile.name,
      repository: repository, started: WallClock.now(), result: .started)
    do {
      let records = try surroundings.journal.records(activity: .backup, name: profile.name)
      history = records.filter { $0.repository == repository }
    } catch {
      history = []
      surroundings.warn("the journal of this host's runs cannot be read: \(error)")
    }
    do {
      opening = try surroundings.opening(repository)
    } catch {
      opening = nil
      give(up: error)
    }
  }

  var previous: RunRecord? { history.last }

  /// What earlier runs say of a source, oldest first.
  func history(of source: String) -> [SourceOutcome] {
    history.flatMap { $0.sources.filter { $0.source == source } }
  }

  /// Opens the repository with a credential that may make snapshots.
  func open() throws {
    guard let opening, failure == nil else { return }
    do {
      let repository = try opening.unlocked()
      try repository.require(.owner, .writer, to: "make snapshots")
      self.repository = repository
    } catch let error as VarveError where error.code == .interrupted {
      throw error
    } catch {
      give(up: error)
    }
  }

  /// Nothing more is tried there.
  func give(up error: any Error) {
    let error = error as? VarveError ?? VarveError(.io, "\(error)")
    failure = failure ?? error
    repository = nil
    add(message: error.message)
    raise(to: .failure)
  }

  /// For people: what went wrong, or did not go as it should.
  ///
  /// - Parameter notice: what others are told of it, where the message has names of files.
  func add(message: String, notice: String? = nil) {
    let text = ByteText.printable(message)
    if !messages.contains(text) {
      messages.append(text)
      notices.append(ByteText.printable(notice ?? message))
    }
    record.message = Self.bounded(messages.joined(separator: "; "))
    record.notice = notices == messages ? nil : Self.bounded(notices.joined(separator: "; "))
  }

  /// The worst counts.
  func raise(to result: RunRecord.Result) {
    if result.rank > record.result.rank { record.result = result }
  }

  static func bounded(_ text: String) -> String {
    guard text.utf8.count > 4000 else { return text }
    return String(text.prefix(1300)) + " …"
  }
}
