import VarveRepository

/// A Prometheus text file, for node_exporter's textfile collector: it takes files that end in `.prom`, and must never see
/// one that is not whole.
public enum MetricsFile {
  /// Replaces the file by a report's metrics, readable for everybody, also where the umask would not have it: node_exporter is
  /// another user.
  ///
  /// - Throws: `VarveError.Code.io`.
  public static func update(_ path: String, _ report: StatusReport) throws {
    try FileWriting.replace(
      path, with: Array(MetricsText.text(report).utf8), mode: 0o644, isDurable: false)
  }
}
