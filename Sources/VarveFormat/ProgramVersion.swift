/// The version of this program, as snapshot records and log entries name their maker.
public enum ProgramVersion {
  /// Semantic version (semver.org).
  public static let number = "0.1.0"
  /// What records say in `program`.
  public static let program = "varve " + number
}
