import VarveFormat
import VarveRepository

extension ServiceUnits {
  /// The service, allowed what backups need and no more. Hooks and other commands of the configuration run inside it,
  /// and nobody knows what they need; where there are any, what would keep them from their work is left out.
  ///
  /// - Throws: `.usage` for what no unit file can hold.
  package func service() throws -> String {
    try requirePrintable(writable)
    var unit = [
      Self.mark, "[Unit]", "Description=Varve: backups that are due",
      "Documentation=man:varve(1)",
    ]
    if !isForUser { unit += ["Wants=network-online.target", "After=network-online.target"] }
    unit += [
      "", "[Service]", "Type=oneshot",
      "ExecStart=\(Self.word(program)) run --due --quiet --config \(Self.word(file))",
      // Files that could not be read, and work that is under way elsewhere, are no failures of the service.
      "SuccessExitStatus=3", "TimeoutStartSec=infinity", "KillMode=mixed", "Nice=10",
      "IOSchedulingClass=best-effort", "IOSchedulingPriority=7",
    ]
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
      unit.append("Environment=\(Self.quoted("\(name)=\(value)"))")
    }
    // The whole rest of the line is the path, quotes and all.
    if let file = environmentFile {
      unit.append("EnvironmentFile=-\(Self.replacing(UInt8(ascii: "%"), with: "%%", in: file))")
    }
    if let user { unit += ["User=\(user)", "StateDirectory=varve", "CacheDirectory=varve"] }
    unit += hardening
    return unit.joined(separator: "\n") + "\n"
  }

  private var hardening: [String] {
    var lines = [
      "NoNewPrivileges=yes", "LockPersonality=yes", "RestrictRealtime=yes", "RestrictSUIDSGID=yes",
      "SystemCallArchitectures=native", "UMask=0077",
    ]
    // A user's own systemd has not the privileges for what follows.
    guard !isForUser else { return lines }
    lines += [
      "ProtectClock=yes", "ProtectKernelModules=yes", "ProtectKernelTunables=yes",
      "ProtectKernelLogs=yes", "ProtectControlGroups=yes",
    ]
    if !paths.contains(where: { Self.lies($0, below: ["/tmp", "/var/tmp"]) }) {
      lines.append("PrivateTmp=yes")
    }
    if user != nil {
      // Whoever it is may read what is to be backed up, and nothing else of root's.
      lines += [
        "AmbientCapabilities=CAP_DAC_READ_SEARCH", "CapabilityBoundingSet=CAP_DAC_READ_SEARCH",
      ]
    }
    guard !runsCommands else { return lines + ["ProtectSystem=full"] }
    if user == nil {
      // To read everything, to keep access times (O_NOATIME), to write databases' shared memory, and to give that, and copies
      // of databases, their owners.
      lines.append(
        "CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_FOWNER CAP_CHOWN")
    }
    lines += [
      "ProtectHostname=yes", "RestrictNamespaces=yes", "MemoryDenyWriteExecute=yes",
      "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "ProtectSystem=strict",
    ]
    return lines + writable.map { "ReadWritePaths=-\(Self.quoted($0))" }
  }

  /// Whether the configuration has commands of the operator's.
  private var runsCommands: Bool {
    configuration.profiles.values.contains { profile in
      profile.hooks != Hooks() || !profile.drills.isEmpty
        || profile.meta.values.contains { if case .command = $0 { true } else { false } }
        || profile.sources.contains { if case .command = $0.origin { true } else { false } }
    }
      || configuration.repositories.values.contains {
        if case .passwordCommand = $0.credential { true } else { $0.location.hasPrefix("sftp:") }
      }
      || configuration.notifications.values.contains {
        switch $0.means {
        case .command, .mail: true
        default: false
        }
      }
  }

  private var paths: [String] {
    configuration.profiles.values.flatMap(\.sources).compactMap {
      switch $0.origin {
      case .path(let path), .sqlite(let path): path
      case .command: nil
      }
    }
  }

  /// What Varve writes to: its own directories, repositories in directories, and beside databases, whose readers write to
  /// their shared memory.
  private var writable: [String] {
    // Of another user's, systemd makes the standard ones.
    var result = [
      user == nil ? client.state : configuration.stateDirectory,
      user == nil ? client.cache : configuration.cacheDirectory,
    ].compactMap { $0 }
    for settings in configuration.repositories.values {
      if let cache = settings.cacheDirectory { result.append(cache) }
      guard StorageOpening.isDirectory(settings.location) else { continue }
      let isMarked = settings.location.hasPrefix("local:")
      result.append(isMarked ? String(settings.location.dropFirst(6)) : settings.location)
    }
    for source in configuration.profiles.values.flatMap(\.sources) {
      if case .sqlite(let path) = source.origin {
        result.append(ConfigurationPath.directory(of: path))
      }
    }
    if let metrics = configuration.metricsFile {
      result.append(ConfigurationPath.directory(of: metrics))
    }
    return Set(result).sorted()
  }

  private static func lies(_ path: String, below directories: [String]) -> Bool {
    directories.contains { path == $0 || path.hasPrefix($0 + "/") }
  }

  /// A word of a command: there, and only there, a dollar sign stands for a variable.
  private static func word(_ text: String) -> String {
    var result = ""
    for scalar in quoted(text).unicodeScalars {
      result.unicodeScalars.append(scalar)
      if scalar == "$" { result.unicodeScalars.append(scalar) }
    }
    return result
  }

  /// A word as unit files have it.
  private static func quoted(_ text: String) -> String {
    var result = ""
    // Not by `Character`: a quote with a mark behind it is another one, and to systemd it is a quote.
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case "%": result += "%%"
      default: result.unicodeScalars.append(scalar)
      }
    }
    let isPlain = text.utf8.allSatisfy {
      TextForm.isNameByte($0) || "/:=@+,%".utf8.contains($0)
    }
    return isPlain ? result : "\"\(result)\""
  }
}
