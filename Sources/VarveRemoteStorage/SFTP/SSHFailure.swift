import VarveFormat

/// What the end of an ssh means: its own words decide.
struct SSHFailure {
  /// The end of what it said on standard error.
  let words: [UInt8]
  /// Nil when a signal ended it.
  let exitCode: Int32?
  /// Whether the server had answered.
  let isGreeted: Bool
  /// Whether the server answered at an earlier connection: its name is right then.
  let isKnown: Bool
  let location: String

  /// What asking again does not help with: a part of ssh's message, and what to do. None of it says anything of an object.
  private static let lasting: [(part: String, code: VarveError.Code, hint: String)] = [
    (
      "host key verification failed", .forbidden,
      "connect once by hand with ssh to see the server's key, compare it, and accept it"
    ),
    (
      "remote host identification has changed", .forbidden,
      "find out why the server's key has changed before you trust it"
    ),
    (
      "permission denied (", .forbidden,
      "see that 'ssh -o BatchMode=yes' logs in without a question: the key, its path, and authorized_keys there"
    ),
    ("too many authentication failures", .forbidden, "name one key with -o IdentitiesOnly=yes -i"),
    (
      "subsystem request failed", .forbidden,
      "enable the sftp subsystem in the server's sshd_config"
    ),
    (
      "unable to negotiate", .forbidden,
      "one side is too old for the other; see ssh's -o Ciphers and the like"
    ),
    ("bad configuration option", .usage, "correct the arguments for ssh"),
    ("bad owner or permissions", .usage, "correct the permissions of ssh's configuration"),
    ("unknown option", .usage, "correct the arguments for ssh"),
    ("usage: ssh", .usage, "correct the arguments for ssh"),
    (
      "this service allows sftp connections only", .usage,
      "the command has to ask for the sftp subsystem"
    ),
  ]

  var error: VarveError {
    let said = printable
    let lowered = said.lowercased()
    let message =
      said.isEmpty
      ? "the connection to \(location) was lost" : "the connection to \(location) was lost: \(said)"
    if isGreeted {
      return VarveError(.unavailable, message, hint: "check the network and the server")
    }
    let refusal = said.isEmpty ? ending : said
    for (part, code, hint) in Self.lasting where lowered.contains(part) {
      return VarveError(code, "cannot connect to \(location): \(refusal)", hint: hint)
    }
    // A resolver without a network may say the same as one that knows: only a name that never worked is wrong.
    if !isKnown, lowered.contains("could not resolve hostname"), !lowered.contains("temporary") {
      return VarveError(
        .noRepository, "cannot connect to \(location): \(refusal)", hint: "check the host's name")
    }
    // 255 is ssh's own; what else there is comes from a command or the server's login shell.
    if let exitCode, exitCode != 255, exitCode != 0 {
      return VarveError(
        .forbidden, "cannot connect to \(location): \(refusal)",
        hint: "run the command by hand to see why")
    }
    return VarveError(
      .unavailable, "cannot connect to \(location): \(refusal)",
      hint: "check the network and the server")
  }

  private var ending: String {
    exitCode.map { "ssh ended with exit code \($0)" } ?? "ssh was killed"
  }

  /// On one line and without what could steer a terminal; long banners keep their end.
  private var printable: String {
    let text = String(decoding: words, as: UTF8.self)
    var line = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse:
        if !line.isEmpty && !line.hasSuffix(" ") { line += " " }
      default:
        line.unicodeScalars.append(scalar)
      }
    }
    while line.hasSuffix(" ") { line.removeLast() }
    return line.count <= 1_000 ? line : "…" + line.suffix(1_000)
  }
}
