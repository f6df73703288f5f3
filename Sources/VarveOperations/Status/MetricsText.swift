// The status in Prometheus' text format 0.0.4:
//
//     # HELP name text          \ and line feed escaped
//     # TYPE name gauge
//     name{label="value",…} number       in values of labels \, " and line feed escaped
//
// Times are seconds since 1970, ages are left to who asks (`time() - …_timestamp_seconds`). What is wrong is a gauge of 0
// or 1 for each kind, so that an alert can name it. What is not known has no sample.

import VarveFormat

/// A report as metrics.
public struct MetricsText {
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private var text = ""

  public static func text(_ report: StatusReport) -> String {
    var metrics = MetricsText()
    metrics.write(report)
    return metrics.text
  }

  private typealias Labels = [(String, String)]

  private mutating func write(_ report: StatusReport) {
    family("varve_build_info", "The program.", [([("version", ProgramVersion.number)], 1)])
    family(
      "varve_status_timestamp_seconds", "When this was computed.", [([], report.time.seconds)])
    family("varve_backups_healthy", "1 when nothing is wrong.", [([], report.isGood ? 1 : 0)])
    write(report.sources)
    write(report.repositories)
    write(report.drills)
  }

  private mutating func write(_ sources: [SourceStatus]) {
    func labels(_ source: SourceStatus) -> Labels {
      [
        ("profile", source.profile ?? ""), ("source", source.source),
        ("repository", source.repository),
      ]
    }
    func all(_ name: String, _ help: String, _ value: (SourceStatus) -> Int64?) {
      family(name, help, sources.compactMap { s in value(s).map { (labels(s), $0) } })
    }
    all("varve_source_healthy", "1 when its snapshots are as they should be.") {
      $0.level < .bad ? 1 : 0
    }
    problems("varve_source_problem", "1 for what is wrong with a source.", sources) {
      (labels($0), $0.problems)
    }
    all("varve_snapshot_last_timestamp_seconds", "The time of the newest complete snapshot.") {
      $0.newest?.seconds
    }
    all("varve_snapshot_age_limit_seconds", "How old that may be.") { $0.maximumAge }
    all("varve_snapshots", "Complete snapshots that are kept.") { $0.snapshotCount.map(Int64.init) }
    all("varve_snapshot_last_size_bytes", "The bytes that the newest snapshot restores to.") {
      $0.bytes
    }
    all("varve_snapshot_last_files", "The files in the newest snapshot.") { $0.files }
    all("varve_run_last_timestamp_seconds", "When the newest run that ended began.") {
      $0.lastRun?.seconds
    }
    all("varve_run_last_success", "1 when that run saved the source.") { source in
      source.lastResult.map { $0 == .failure ? 0 : 1 }
    }
  }

  private mutating func write(_ repositories: [RepositoryStatus]) {
    func all(_ name: String, _ help: String, _ value: (RepositoryStatus) -> Int64?) {
      family(
        name, help,
        repositories.compactMap { r in value(r).map { ([("repository", r.name)], $0) } })
    }
    all("varve_repository_healthy", "1 when nothing is wrong with it.") { $0.level < .bad ? 1 : 0 }
    problems("varve_repository_problem", "1 for what is wrong with a repository.", repositories) {
      ([("repository", $0.name)], $0.problems)
    }
    all("varve_repository_log_entries", "Entries of its log.") {
      $0.logSize.map { Int64(clamping: $0) }
    }
    all("varve_repository_snapshots", "Live snapshots.") { $0.snapshotCount.map(Int64.init) }
    all("varve_repository_stored_bytes", "Bytes of live packs and index segments.") {
      $0.storedBytes.map { Int64(clamping: $0) }
    }
    all(
      "varve_repository_verified_timestamp_seconds",
      "When all data was last read and found good."
    ) { $0.verified?.seconds }
    all("varve_repository_unverified_limit_seconds", "How long ago that may be.") {
      $0.maximumUnverifiedAge
    }
    all("varve_repository_witnessed_timestamp_seconds", "When a quorum of witnesses last cosigned.")
    {
      $0.witnessed?.seconds
    }
    all("varve_repository_read_timestamp_seconds", "When it was last read for this.") {
      $0.read?.seconds
    }
  }

  private mutating func write(_ drills: [DrillStatus]) {
    func labels(_ drill: DrillStatus) -> Labels {
      [("profile", drill.profile), ("drill", drill.drill)]
    }
    func all(_ name: String, _ help: String, _ value: (DrillStatus) -> Int64?) {
      family(name, help, drills.compactMap { d in value(d).map { (labels(d), $0) } })
    }
    all("varve_drill_healthy", "1 when nothing is wrong with it.") { $0.level < .bad ? 1 : 0 }
    problems("varve_drill_problem", "1 for what is wrong with a drill.", drills) {
      (labels($0), $0.problems)
    }
    all("varve_drill_last_timestamp_seconds", "When the newest that ended began.") {
      $0.lastRun?.seconds
    }
    all("varve_drill_last_success", "1 when it passed.") { drill in drill.passed.map { $0 ? 1 : 0 }
    }
    all("varve_drill_last_duration_seconds", "The recovery time that it measured.") { $0.seconds }
    all("varve_drill_recovery_time_target_seconds", "The longest that it may take.") {
      $0.recoveryTimeTarget
    }
  }

  private mutating func problems<Item, Kind: StatusProblemKind>(
    _ name: String, _ help: String, _ items: [Item],
    _ parts: (Item) -> (Labels, [StatusProblem<Kind>])
  ) {
    family(
      name, help,
      items.flatMap { item in
        let (labels, problems) = parts(item)
        return Kind.allCases.map { kind in
          (
            labels + [("kind", kind.rawValue)],
            problems.contains { $0.kind == kind } ? Int64(1) : 0
          )
        }
      })
  }

  private mutating func family(_ name: String, _ help: String, _ samples: [(Labels, Int64)]) {
    guard !samples.isEmpty else { return }
    text += "# HELP \(name) \(help)\n# TYPE \(name) gauge\n"
    for (labels, value) in samples {
      text += name
      if !labels.isEmpty {
        text += "{" + labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",") + "}"
      }
      text += " \(value)\n"
    }
  }

  private static func escaped(_ value: String) -> String {
    var out = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": out += "\\\\"
      case "\"": out += "\\\""
      case "\n": out += "\\n"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
