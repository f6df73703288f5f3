import VarveFormat
import VarveOperations

/// What came of runs of profiles and of maintenance.
struct RunSummary {
  private let records: [RunRecord]
  private let isDryRun: Bool

  init(_ records: [RunRecord], isDryRun: Bool) {
    self.records = records
    self.isDryRun = isDryRun
  }

  func print(on console: Console) throws {
    for record in records {
      if console.isJSON {
        try console.json { json(record, into: &$0) }
      } else if !console.isQuiet {
        for line in text(record) { try console.line(line) }
      }
    }
  }

  /// The worst counts.
  var status: ExitStatus {
    if records.contains(where: { $0.result == .failure }) { return .failure }
    return records.contains { $0.result == .incomplete } ? .incomplete : .success
  }

  private func text(_ record: RunRecord) -> [String] {
    let what =
      record.activity == .backup
      ? "\(record.name) into \(record.repository)" : "\(record.activity.rawValue) of \(record.name)"
    let seconds = record.ended.map { UInt64(max(0, $0.seconds - record.started.seconds)) }
    let time = seconds.map { " in \(HumanText.duration(seconds: $0))" } ?? ""
    let head = "\(what): \(word(record.result))\(time)\(isDryRun ? " (dry run)" : "")"
    let sources = record.sources.map { source in
      let snapshot = source.snapshot.map { "snapshot \($0.hex.prefix(8)), " } ?? ""
      let counts =
        "\(HumanText.count(source.files, "file")), \(bytes(source.bytes)), added "
        + "\(bytes(source.bytesAdded)) (\(bytes(source.bytesStored)) stored)"
      let detail = source.result == .failure ? "" : ": \(snapshot)\(counts)"
      return "  \(source.source): \(word(source.result))\(detail)"
    }
    let alarms = record.sources.compactMap { source in
      source.alarm.map { "  alarm, \(source.source): \($0)" }
    }
    return [head] + sources + alarms + (record.message.map { ["  \($0)"] } ?? [])
  }

  private func bytes(_ count: Int64) -> String { HumanText.bytes(UInt64(max(0, count))) }

  private func word(_ result: RunRecord.Result) -> String {
    switch result {
    case .started: "begun"
    case .success: "ok"
    case .incomplete: "incomplete"
    case .failure: "failed"
    }
  }

  private func json(_ record: RunRecord, into json: inout JSONWriter) {
    json.member("message_type", record.activity == .backup ? "run" : "maintenance")
    json.member("id", record.id)
    json.member("activity", record.activity.rawValue)
    json.member(record.activity == .backup ? "profile" : "name", record.name)
    json.member("repository", record.repository)
    json.member("result", record.result.rawValue)
    json.member("dry_run", isDryRun)
    json.member("started", record.started.precise)
    if let ended = record.ended { json.member("ended", ended.precise) }
    if let message = record.message { json.member("message", message) }
    guard record.activity == .backup else { return }
    json.key("sources")
    json.array { json in
      for source in record.sources { json.object { self.json(source, into: &$0) } }
    }
  }

  private func json(_ source: SourceOutcome, into json: inout JSONWriter) {
    json.member("source", source.source)
    json.member("result", source.result.rawValue)
    if let snapshot = source.snapshot { json.member("snapshot_id", snapshot.hex) }
    if let message = source.message { json.member("message", message) }
    if let alarm = source.alarm { json.member("alarm", alarm) }
    json.member("files", source.files)
    json.member("files_new", source.filesNew)
    json.member("files_changed", source.filesChanged)
    json.member("files_removed", source.filesRemoved)
    json.member("bytes", source.bytes)
    json.member("bytes_added", source.bytesAdded)
    json.member("bytes_stored", source.bytesStored)
  }
}
