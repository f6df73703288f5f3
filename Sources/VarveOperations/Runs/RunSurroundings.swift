import VarveFormat
public import VarveRepository

/// What runs need to know of where they run.
public struct RunSurroundings: Sendable {
  public let configuration: Configuration
  public let client: ClientDirectories
  let cancellation: CancellationFlag
  let note: @Sendable (String) -> Void
  let warn: @Sendable (String) -> Void

  /// - Parameters:
  ///   - client: where this host keeps its caches and its journal.
  ///   - cancellation: ends a run; its `after` hooks run all the same.
  ///   - note: what is worth knowing.
  ///   - warn: what went wrong without ending a run.
  public init(
    _ configuration: Configuration, client: ClientDirectories, cancellation: CancellationFlag,
    note: @escaping @Sendable (String) -> Void, warn: @escaping @Sendable (String) -> Void
  ) {
    self.configuration = configuration
    self.client = client
    self.cancellation = cancellation
    self.note = note
    self.warn = warn
  }

  var journal: RunJournal { RunJournal(client: client) }

  func opening(_ repository: String) throws -> RepositoryOpening {
    guard let settings = configuration.repositories[repository] else {
      throw VarveError(
        .notFound, "there is no repository '\(ByteText.printable(repository))'",
        hint: "name it in the configuration")
    }
    return RepositoryOpening(
      settings, client: client, isInterrupted: { [cancellation] in try cancellation.check() },
      note: note, warn: warn)
  }

  /// Writes to the journal; that it cannot be written is no reason not to save anything.
  func remember(_ record: RunRecord) {
    do { try journal.append(record) } catch {
      warn("the journal of this host's runs cannot be written: \(error)")
    }
  }
}
