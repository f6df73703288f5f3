/// What went wrong, for a program (`code`) and for a person (`message`, `hint`).
///
/// Equality looks at the code only, so that tests do not depend on wording.
public struct VarveError: Error, Sendable {
  /// A stable class of failure; the set grows, so switch with a default.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Stored bytes are not what their name, tag, signature or grammar says. Exit 20.
    public static let damaged = Code(rawValue: "damaged")
    /// An object that the log names is not in storage. Exit 20.
    public static let missing = Code(rawValue: "missing")
    /// The log is smaller than, or inconsistent with, what this client has already verified. Exit 22.
    public static let rollback = Code(rawValue: "rollback")
    /// A valid signature by somebody who may not do that, or a broken chain of entries. Exit 22.
    public static let unauthorized = Code(rawValue: "unauthorized")
    /// A proof, a cosignature or an audit does not show what it should. Exit 22.
    public static let unproved = Code(rawValue: "unproved")
    /// There is no repository at that place. Exit 10.
    public static let noRepository = Code(rawValue: "no-repository")
    /// There is already a repository at that place. Exit 1.
    public static let repositoryExists = Code(rawValue: "repository-exists")
    /// No credential opens with what was given. Exit 12.
    public static let wrongPassword = Code(rawValue: "wrong-password")
    /// Made by a newer program. Exit 1.
    public static let unsupportedFormat = Code(rawValue: "unsupported-format")
    /// The credential's role does not allow it. Exit 1.
    public static let forbidden = Code(rawValue: "forbidden")
    /// A hold, a policy or a guard stands against it. Exit 1.
    public static let refused = Code(rawValue: "refused")
    /// A selector or path that names nothing. Exit 1.
    public static let notFound = Code(rawValue: "not-found")
    /// A restore drill failed. Exit 23.
    public static let drillFailed = Code(rawValue: "drill-failed")
    /// Wrong use of a command or of the library. Exit 64.
    public static let usage = Code(rawValue: "usage")
    /// The operating system or the store refused. Exit 1.
    public static let io = Code(rawValue: "io")
    /// The store did not answer, or not in time, or could not just now; it is not known whether what was asked was
    /// done. Asking again may help. Exit 1.
    public static let unavailable = Code(rawValue: "unavailable")
    /// Stopped by a signal. Exit 130.
    public static let interrupted = Code(rawValue: "interrupted")
  }

  public let code: Code
  /// One sentence without a final full stop; names the object or file it is about.
  public let message: String
  /// What the user can do about it.
  public let hint: String?
  /// The error below this one.
  public let cause: (any Error)?

  public init(_ code: Code, _ message: String, hint: String? = nil, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
    self.cause = cause
  }
}

extension VarveError {
  /// Whether it is of one stored object, which cannot be read or is not what it should be. Others say nothing of objects:
  /// who asks another time, or with other rights, may find them whole.
  public var isOfObject: Bool {
    [.damaged, .missing, .io, .unsupportedFormat].contains(code)
  }
}

extension VarveError: Equatable {
  public static func == (a: VarveError, b: VarveError) -> Bool { a.code == b.code }
}

extension VarveError: CustomStringConvertible {
  public var description: String {
    guard let cause else { return message }
    return "\(message): \(cause)"
  }
}
