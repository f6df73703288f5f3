package import VarveFormat

/// What a command says and where: data on standard output, everything else on standard error.
package final class Console: Sendable {
  /// 0 with `--quiet`, else 1 and one more for each `--verbose`.
  package let verbosity: Int
  /// Whether `--json` was given.
  package let isJSON: Bool
  package let output: OutputStream
  package let status: StatusDisplay

  package init(
    verbosity: Int, isJSON: Bool, output: OutputStream = OutputStream(),
    status: StatusDisplay = StatusDisplay()
  ) {
    self.verbosity = verbosity
    self.isJSON = isJSON
    self.output = output
    self.status = status
  }

  package var isQuiet: Bool { verbosity == 0 }

  /// One line of data.
  package func line(_ text: String) throws {
    try write(Array((text + "\n").utf8))
  }

  package func write(_ bytes: [UInt8], flushing: Bool = false) throws {
    if output.isTerminal && status.canUpdate {
      try status.aside { try output.write(bytes, flushing: true) }
    } else {
      try output.write(bytes, flushing: flushing)
    }
  }

  /// A name of arbitrary bytes as it should appear in data for people: exactly, unless it would be
  /// a terminal that gets it.
  package func name(_ bytes: [UInt8]) -> [UInt8] {
    output.isTerminal ? Array(ByteText.printable(bytes).utf8) : bytes
  }

  /// One JSON object on a line of its own, handed over at once: somebody may be watching.
  package func json(
    flushing: Bool = true, _ body: (inout JSONWriter) throws -> Void
  ) throws {
    var writer = JSONWriter()
    try writer.object(body)
    writer.endLine()
    try write(writer.bytes, flushing: flushing)
  }

  /// Something worth knowing that is neither data nor an error. Not with `--quiet` or `--json`.
  package func note(_ text: String) {
    if !isQuiet && !isJSON { say(text) }
  }

  /// The same, only when `--verbose` was given `level` - 1 times.
  package func note(level: Int, _ text: @autoclosure () -> String) {
    if verbosity >= level && !isJSON { say(text()) }
  }

  /// Something that went wrong without ending the command. Shown even with `--quiet`.
  package func warning(_ text: String) { say("varve: warning: \(text)") }

  /// Something that went wrong with one item, as restic's `error` message with `--json`.
  package func problem(item: [UInt8], during: String, _ message: String) {
    guard isJSON else {
      say("varve: error: \(ByteText.printable(item)): \(ByteText.printable(message))")
      return
    }
    var writer = JSONWriter()
    writer.object {
      $0.member("message_type", "error")
      $0.key("error")
      $0.object { $0.member("message", message) }
      $0.member("during", during)
      $0.member("item", bytes: item)
    }
    say(writer.text)
  }

  /// After the data that came before it, for whoever has both in one file.
  private func say(_ text: String) {
    // A failure is remembered, and thrown by the last flush.
    try? output.flush()
    status.print(text)
  }
}
