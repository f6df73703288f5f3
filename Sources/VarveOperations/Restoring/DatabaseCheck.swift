public import Varve
import VarveFormat
public import VarveRepository

extension StagingOptions {
  /// Has SQLite check databases before they replace others.
  public mutating func checkDatabases(cancellation: CancellationFlag) {
    checkDatabase = { path in
      do {
        // Read only: what lies beside it stays as the snapshot has it.
        return try SQLiteDatabase(bytes: path, mode: .readOnly, cancellation: cancellation)
          .integrityCheck().first
      } catch let error as VarveError where error.code != .interrupted {
        return error.message
      }
    }
  }
}
