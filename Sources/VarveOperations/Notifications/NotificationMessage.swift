import VarveFormat

/// What is told of a run: a line, a text, and JSON (docs/operations.md, "Being told"). Names of files that were found in sources
/// are not in it.
struct NotificationMessage {
  let event: NotificationTarget.Event
  let record: RunRecord
  let previous: RunRecord?
  /// Of the same run, in other repositories.
  var others: [RunRecord] = []
  let host: String

  /// Longer messages of a run are cut: what is told goes through mail and pagers.
  private static let textByteLimit = 4096

  /// Such as `varve: backup nightly on tokyo failed`.
  var subject: String {
    let what = [record.activity.rawValue, record.name, record.detail].compactMap(\.self)
      .joined(separator: " ")
    let verdict =
      switch event {
      case .start: "has begun"
      case .success: "succeeded"
      case .incomplete: "is incomplete"
      case .failure: "failed"
      case .recovery: "works again"
      case .alarm: "has changed suspiciously much"
      }
    return "varve: \(what) on \(host) \(verdict)"
  }

  var text: String {
    var lines = [subject, ""] + head(record)
    if event == .recovery, let previous {
      lines.append(
        "before:     \(previous.result.rawValue) on \((previous.ended ?? previous.started).zonedSeconds)"
          + (previous.told.map { ": \(shortened($0))" } ?? ""))
    }
    lines += sources(record)
    for other in others {
      lines += ["", "result:     \(other.result.rawValue)"] + head(other) + sources(other)
    }
    lines.append("")
    lines.append("run \(record.id)")
    return lines.joined(separator: "\n") + "\n"
  }

  private func head(_ record: RunRecord) -> [String] {
    var lines = [
      "repository: \(record.repository)", "started:    \(record.started.zonedSeconds)",
    ]
    if let ended = record.ended {
      let seconds = UInt64(max(0, ended.seconds &- record.started.seconds))
      lines.append(
        "ended:      \(ended.zonedSeconds), after \(HumanText.duration(seconds: seconds))")
    }
    if let message = record.told { lines.append("message:    \(shortened(message))") }
    return lines
  }

  private func sources(_ record: RunRecord) -> [String] {
    var lines: [String] = []
    for source in record.sources {
      lines.append("")
      lines.append("\(source.source): \(source.result.rawValue)")
      if source.result == .success || source.result == .incomplete {
        lines.append(
          "  \(HumanText.count(source.files, "file")), \(bytes(source.bytes)); "
            + "new \(bytes(source.bytesAdded)), stored \(bytes(source.bytesStored))")
      }
      if let snapshot = source.snapshot { lines.append("  snapshot \(snapshot.hex)") }
      if let message = source.told { lines.append("  \(shortened(message))") }
      if let alarm = source.alarm { lines.append("  ALARM: \(alarm)") }
    }
    return lines
  }

  private func bytes(_ count: Int64) -> String { HumanText.bytes(UInt64(max(0, count))) }

  /// Controls are spelled out: what is told may be shown by a terminal.
  private func shortened(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let clean = lines.map { ByteText.printable(String($0)) }.joined(separator: "\n  ")
    guard clean.utf8.count > Self.textByteLimit else { return clean }
    return String(decoding: clean.utf8.prefix(Self.textByteLimit), as: UTF8.self) + " …"
  }

  /// `text` is the member that chat services show.
  var json: [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("text", subject + (summary.map { ": \($0)" } ?? ""))
      writer.member("event", event.rawValue)
      writer.member("activity", record.activity.rawValue)
      writer.member("name", record.name)
      if let detail = record.detail { writer.member("detail", detail) }
      writer.member("repository", record.repository)
      writer.member("host", host)
      writer.member("run", record.id)
      writer.member("result", record.result.rawValue)
      writer.member("started", record.started.precise)
      if let ended = record.ended { writer.member("ended", ended.precise) }
      if let message = record.told { writer.member("message", shortened(message)) }
      writer.key("sources")
      writer.array { writer in for source in record.sources { write(source, to: &writer) } }
      if let previous {
        writer.key("previous")
        writer.object { writer in
          writer.member("run", previous.id)
          writer.member("result", previous.result.rawValue)
          writer.member("started", previous.started.precise)
          if let ended = previous.ended { writer.member("ended", ended.precise) }
        }
      }
      writer.member("program", ProgramVersion.program)
    }
    return writer.bytes
  }

  private func write(_ source: SourceOutcome, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("source", source.source)
      writer.member("result", source.result.rawValue)
      if let snapshot = source.snapshot { writer.member("snapshot_id", snapshot.hex) }
      if let message = source.told { writer.member("message", shortened(message)) }
      if let alarm = source.alarm { writer.member("alarm", alarm) }
      writer.member("files", source.files)
      writer.member("files_new", source.filesNew)
      writer.member("files_changed", source.filesChanged)
      writer.member("files_removed", source.filesRemoved)
      writer.member("bytes", source.bytes)
      writer.member("bytes_added", source.bytesAdded)
      writer.member("bytes_stored", source.bytesStored)
    }
  }

  /// The first thing that somebody would want to know next.
  private var summary: String? {
    let alarms = record.sources.compactMap { source in
      source.alarm.map { "\(source.source): \($0)" }
    }
    if event == .alarm, !alarms.isEmpty { return alarms.joined(separator: "; ") }
    if let message = record.told { return shortened(message) }
    return record.sources.first { $0.told != nil && $0.result != .success }
      .map { "\($0.source): \(shortened($0.told ?? ""))" }
  }
}
