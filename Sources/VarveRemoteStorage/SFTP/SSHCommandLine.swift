import VarveFormat

/// The command that connects to an SFTP server.
public enum SSHCommandLine {
  /// Cuts a command at blanks, with the quotes and backslashes of a shell and nothing else of it: within single quotes
  /// every character stands for itself, within double quotes a backslash quotes a backslash or a double quote.
  ///
  /// - Throws: `VarveError.Code.usage` when a quote is left open.
  public static func words(_ text: String) throws -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var characters = text[...]
    while let character = characters.popFirst() {
      switch (quote, character) {
      case (nil, "'"), (nil, "\""):
        quote = character
        word = word ?? ""
      case (let open?, _) where character == open:
        quote = nil
      case (nil, "\\"):
        guard let next = characters.popFirst() else { throw unfinished(text) }
        word = (word ?? "") + String(next)
      case ("\"", "\\"):
        guard let next = characters.popFirst() else { throw unfinished(text) }
        word = (word ?? "") + (next == "\\" || next == "\"" ? "" : "\\") + String(next)
      case (nil, " "), (nil, "\t"), (nil, "\n"):
        if let finished = word { words.append(finished) }
        word = nil
      default:
        word = (word ?? "") + String(character)
      }
    }
    guard quote == nil else { throw unfinished(text) }
    if let word { words.append(word) }
    return words
  }

  private static func unfinished(_ text: String) -> VarveError {
    VarveError(.usage, "'\(text)' ends within a quotation", hint: "close the quote")
  }

  /// OpenSSH's client, asking nothing: it works unattended or fails.
  ///
  /// - Parameter arguments: the user's own; ssh takes the first of several values, so these go before the defaults.
  static func arguments(_ location: SFTPLocation, _ arguments: [String]) -> [String] {
    var words = ["ssh", "-oBatchMode=yes"] + arguments
    // A network that is gone is noticed after a minute.
    words += ["-oConnectTimeout=30", "-oServerAliveInterval=15", "-oServerAliveCountMax=4"]
    words += ["-oForwardAgent=no", "-oForwardX11=no", "-oPermitLocalCommand=no"]
    words += ["-oClearAllForwardings=yes", "-oRequestTTY=no"]
    // A shared connection may be used; it is not opened here, since it would outlive the program.
    words += ["-oControlMaster=no"]
    if let user = location.user { words += ["-l", user] }
    if let port = location.port { words += ["-p", "\(port)"] }
    return words + ["-s", "--", location.host, "sftp"]
  }
}
