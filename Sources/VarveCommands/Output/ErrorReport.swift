import VarveFormat

/// Tells the user why a command ended: `varve: error: …` and `varve: hint: …`, or with `--json`
/// restic's `exit_error` message, on standard error.
struct ErrorReport {
  private let console: Console

  init(_ console: Console) { self.console = console }

  /// Prints `error` and says with which code to exit.
  ///
  /// - Parameter status: the code; nil for the one that the error's own stands for.
  func report(_ error: any Error, as status: ExitStatus? = nil) -> ExitStatus {
    switch error {
    case let status as ExitStatus:
      // A command has said all there is to say.
      return status
    case is OutputClosed:
      return .failure
    case let error as VarveError:
      let status = status ?? ExitStatus(error.code)
      print(error.description, hint: error.hint, status)
      return status
    default:
      print(String(describing: error), hint: nil, .failure)
      return .failure
    }
  }

  private func print(_ message: String, hint: String?, _ status: ExitStatus) {
    if console.isJSON {
      var writer = JSONWriter()
      writer.object {
        $0.member("message_type", "exit_error")
        $0.member("code", status.rawValue)
        $0.member("message", message)
        if let hint { $0.member("hint", hint) }
      }
      console.status.print(writer.text)
      return
    }
    let (on, off) = console.status.hasColour ? ("\u{1b}[1;31m", "\u{1b}[0m") : ("", "")
    console.status.print("varve: \(on)error:\(off) \(ByteText.printable(message))")
    if let hint { console.status.print("varve: hint: \(ByteText.printable(hint))") }
  }
}
