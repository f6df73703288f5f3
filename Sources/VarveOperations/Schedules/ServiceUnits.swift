import VarveFormat
package import VarveRepository

/// What systemd or cron is told, so that `varve run --due` comes round when something is due.
///
/// One service and one timer, which has a line for each calendar, and one for a look at what is due from time to time: the
/// service does whatever is due, so that what was missed while the machine was off, and what another process was at, is done
/// the next time.
package struct ServiceUnits {
  /// The first line of every file, by which one is known as ours.
  package static let mark =
    "# Written by 'varve schedule install'; run it again when schedules change."

  package let configuration: Configuration
  /// Absolute paths.
  package let program: String
  package let file: String
  package let client: ClientDirectories
  /// What the service should see of this process's environment.
  package var environment: [String: String] = [:]
  /// A file with more of it, which need not be there (EnvironmentFile.swift); nil for none. It is read each time.
  package var environmentFile: String?
  /// The random part of a delay, in seconds; less where the timer comes round more often.
  package var jitter: Int64 = 300
  /// For a user's own systemd.
  package var isForUser = false
  /// Who runs it; nil for root, or the user.
  package var user: String?

  package init(
    _ configuration: Configuration, program: String, file: String, client: ClientDirectories
  ) {
    self.configuration = configuration
    self.program = program
    self.file = file
    self.client = client
  }

  private var schedules: [Schedule] {
    let profiles = configuration.profiles.values.sorted { $0.name < $1.name }
    let maintenance = configuration.repositories.values.sorted { $0.name < $1.name }
      .map(\.maintenance)
    return profiles.compactMap(\.schedule) + profiles.flatMap { $0.drills.compactMap(\.schedule) }
      + maintenance.flatMap { [$0.forget, $0.prune, $0.check].compactMap { $0 } }
  }

  /// - Throws: `.usage` when nothing has a schedule.
  package func timer() throws -> String {
    let schedules = try known()
    var lines: [String] = []
    for line in schedules.flatMap(ScheduleUnits.timerLines) where !lines.contains(line) {
      lines.append(line)
    }
    let pause = ScheduleUnits.pause(schedules)
    lines += ["OnBootSec=5min", "OnUnitActiveSec=\(pause)s"]
    return """
      \(Self.mark)
      [Unit]
      Description=When Varve's backups are due

      [Timer]
      \(lines.joined(separator: "\n"))
      RandomizedDelaySec=\(min(jitter, pause))s
      AccuracySec=1s
      Persistent=true

      [Install]
      WantedBy=timers.target

      """
  }

  /// - Throws: `.usage` when nothing has a schedule, or something cannot be written into a line.
  package func crontab() throws -> String {
    try requirePrintable()
    let variables = environmentFile.map {
      let path = Self.shell($0)
      // One that cannot be read is worth a mail, and ends the line.
      return "[ ! -e \(path) ] || { set -a; . \(path); set +a; }; "
    }
    let command = Self.replacing(
      UInt8(ascii: "%"), with: "\\%",
      in: (variables ?? "")
        + "\(Self.shell(program)) run --due --quiet --config \(Self.shell(file))")
    let who = isForUser ? "" : "\(user ?? "root") "
    // After what was missed, and away from the minute at which all others ask.
    let minute =
      Int(program.utf8.reduce(UInt32(file.utf8.count)) { $0 &* 31 &+ UInt32($1) } % 59) + 1
    var fields = try known().map(ScheduleUnits.cronFields)
    fields.append("\(minute) * * * *")
    var lines: [String] = []
    for field in fields where !lines.contains(field) { lines.append(field) }
    let settings = environment.sorted { $0.key < $1.key }.map { "\($0)=\($1)\n" }.joined()
    return "\(Self.mark)\n\(settings)" + lines.map { "\($0) \(who)\(command)\n" }.joined()
  }

  private func known() throws -> [Schedule] {
    let schedules = schedules
    guard !schedules.isEmpty else {
      throw VarveError(
        .usage, "nothing in \(ByteText.printable(file)) has a schedule",
        hint: "give a profile 'schedule: daily', for example")
    }
    return schedules
  }

  /// Between single quotes where a shell would see more than a word.
  private static func shell(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { TextForm.isNameByte($0) || $0 == UInt8(ascii: "/") }
    if isPlain && !text.isEmpty { return text }
    return "'" + replacing(UInt8(ascii: "'"), with: "'\\''", in: text) + "'"
  }

  /// By bytes, as whoever reads it: a mark behind a quote makes another `Character` of it.
  static func replacing(_ byte: UInt8, with other: String, in text: String) -> String {
    var bytes: [UInt8] = []
    for next in text.utf8 {
      if next == byte { bytes += Array(other.utf8) } else { bytes.append(next) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Requires that nothing the files name ends a line or has another control character in it.
  ///
  /// - Throws: `.usage`.
  func requirePrintable(_ paths: [String] = []) throws {
    let texts =
      [program, file, user ?? "", environmentFile ?? ""] + paths
      + environment.flatMap { [$0.key, $0.value] }
    for text in texts where text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
      throw VarveError(
        .usage,
        "\"\(ByteText.printable(text))\" has a control character, which no unit file can hold",
        hint: "use another path, or unset the variable")
    }
  }
}
