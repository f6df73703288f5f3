package import VarveFormat

/// The exit codes of docs/design.md, section 6: the one place where they are given out.
package enum ExitStatus: Int32, Error, Sendable {
  case success = 0
  case failure = 1
  /// Some source files could not be read; the snapshot was saved without them.
  case incomplete = 3
  case noRepository = 10
  case wrongPassword = 12
  /// Damaged or missing data.
  case damaged = 20
  /// Backups are stale, failed, never ran, or nobody has verified them for too long.
  case stale = 21
  /// A rollback, an entry by somebody who may not make it, or a proof that does not hold.
  case unproved = 22
  /// A drill failed.
  case drillFailed = 23
  case usage = 64
  case interrupted = 130

  package init(_ code: VarveError.Code) {
    switch code {
    case .damaged, .missing: self = .damaged
    case .rollback, .unauthorized, .unproved: self = .unproved
    case .noRepository: self = .noRepository
    case .wrongPassword: self = .wrongPassword
    case .drillFailed: self = .drillFailed
    case .usage: self = .usage
    case .interrupted: self = .interrupted
    default: self = .failure
    }
  }
}
