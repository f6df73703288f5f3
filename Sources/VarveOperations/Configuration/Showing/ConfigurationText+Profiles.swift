import Varve
import VarveFormat

extension ConfigurationText {
  func profile(_ profile: Profile) -> ShownValue {
    let drills = profile.drills.map { ($0.name, drill($0)) }
    return .fields([
      ("repositories", texts(profile.repositories)), ("host", text(profile.host)),
      ("tags", texts(profile.tags)), ("schedule", schedule(profile.schedule)),
      ("max-age", duration(profile.maximumAge)),
      ("sources", .list(profile.sources.map(source))),
      ("meta", map(profile.meta.sorted { $0.key < $1.key }.map { ($0, metadata($1, named: $0)) })),
      ("hooks", profile.hooks == Hooks() ? nil : hooks(profile.hooks)),
      ("notify", texts(profile.notify)),
      ("change-alarm", profile.changeAlarm.map(changeAlarm) ?? .boolean(false)),
      ("drills", map(drills)),
    ])
  }

  private func source(_ source: Source) -> ShownValue {
    var fields: [(String, ShownValue?)] = [("name", text(source.name))]
    switch source.origin {
    case .path(let path): fields.append(("path", text(path)))
    case .sqlite(let path): fields.append(("sqlite", text(path)))
    case .command(let command, let fileName):
      fields += [("command", self.command(command)), ("file-name", text(fileName))]
    }
    fields += [
      ("allow-empty", source.mayBeEmpty ? .boolean(true) : nil),
      ("exclude", texts(source.excludes)),
      ("one-file-system", source.oneFileSystem ? .boolean(true) : nil),
      ("exclude-caches", source.excludeCaches ? .boolean(true) : nil),
      ("chunk-size", source.chunkSize.map { Self.size(Int64($0)) }),
      ("retention", source.retention.map(retention)), ("max-age", duration(source.maximumAge)),
      ("sensitive", source.isSensitive ? .boolean(true) : nil), ("tags", texts(source.tags)),
    ]
    return .fields(fields)
  }

  func command(_ command: CommandSpecification) -> ShownValue {
    let run: ShownValue =
      switch command.form {
      case .shell(let line): text(line)
      case .arguments(let words): .list(words.map { text($0) })
      }
    return .fields([
      ("run", run), ("timeout", interval(command.timeout)),
      ("environment", variables(command.environment)),
      ("directory", text(command.workingDirectory)),
    ])
  }

  private func commands(_ commands: [CommandSpecification]) -> ShownValue? {
    commands.isEmpty ? nil : .list(commands.map(command))
  }

  private func hooks(_ hooks: Hooks) -> ShownValue {
    .fields([
      ("before", commands(hooks.before)), ("after", commands(hooks.after)),
      ("on-success", commands(hooks.onSuccess)), ("on-failure", commands(hooks.onFailure)),
      ("before-restore", commands(hooks.beforeRestore)),
      ("after-restore", commands(hooks.afterRestore)),
    ])
  }

  private func metadata(_ value: MetadataValue, named name: String) -> ShownValue {
    switch value {
    case .text(let text): SecretNames.mayBe(name) ? secret(text) : self.text(text)
    case .command(let command): .fields([("command", self.command(command))])
    case .digest(let path): .fields([("sha256", text(path))])
    }
  }

  private func retention(_ rules: RetentionRules) -> ShownValue {
    var fields: [(String, ShownValue?)] = []
    for (key, rule) in ConfigurationBuilder.countRules {
      switch rules[rule] {
      case .limited(let count) where count > 0: fields.append((key, .integer(count)))
      case .unlimited: fields.append((key, .text("unlimited")))
      default: break
      }
    }
    for (key, rule) in ConfigurationBuilder.durationRules where !rules[rule].isZero {
      fields.append((key, .text("\(rules[rule])")))
    }
    fields.append(("tags", texts(rules.tagLists.map { $0.joined(separator: ",") })))
    return .fields(fields)
  }

  private func changeAlarm(_ alarm: ChangeAlarm) -> ShownValue {
    .fields([
      ("growth-factor", .number(alarm.growthFactor)),
      ("rewritten-part", .number(alarm.rewrittenPart)),
      ("incompressible-part", .number(alarm.incompressiblePart)),
      ("minimum-size", Self.size(alarm.minimumBytes)),
    ])
  }

  private func drill(_ drill: Drill) -> ShownValue {
    let sample: ShownValue =
      switch drill.sample {
      case .all: .text("all")
      case .files(let count): .integer(Int64(count))
      case .percent(let percent):
        .text(Int64(exactly: percent).map { "\($0)%" } ?? "\(percent)%")
      }
    let services = drill.services.map { service in
      (
        service.name,
        ShownValue.fields([
          ("command", command(service.command)), ("ready", service.ready.map(probe)),
        ])
      )
    }
    return .fields([
      ("schedule", schedule(drill.schedule)), ("sources", texts(drill.sources)),
      ("sample", sample), ("rto", duration(drill.recoveryTime)),
      ("rpo", duration(drill.recoveryPoint)),
      ("checks", drill.checks.isEmpty ? nil : .list(drill.checks.map(check))),
      ("services", map(services)),
    ])
  }

  private func check(_ check: DrillCheck) -> ShownValue {
    switch check {
    case .integrity(let path): .fields([("path", text(path)), ("integrity", .boolean(true))])
    case .tables(let path, let rows):
      .fields([
        ("path", text(path)),
        ("tables", map(rows.sorted { $0.key < $1.key }.map { ($0, .integer($1)) })),
      ])
    case .minimumSize(let path, let bytes):
      .fields([("path", text(path)), ("minimum-size", Self.size(bytes))])
    case .digest(let path, let digest):
      .fields([("path", text(path)), ("sha256", .text(digest.hex))])
    case .command(let command): .fields([("command", self.command(command))])
    case .http(let probe): .fields([("http", self.probe(probe))])
    }
  }

  private func probe(_ probe: HTTPProbe) -> ShownValue {
    .fields([
      ("url", text(probe.url)), ("status", .integer(Int64(probe.status))),
      ("contains", text(probe.contains)), ("timeout", interval(probe.timeout)),
    ])
  }
}
