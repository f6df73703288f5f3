import Glibc
import VarveFormat
import VarveRemoteStorage
import VarveRepository

/// Asks a service over HTTP until it answers as it should.
struct DrillProbe {
  private static let largestAnswer = 1 << 20
  private static let attemptSeconds: Int64 = 10

  let probe: HTTPProbe
  let cancellation: CancellationFlag

  struct Outcome {
    /// Nil when it answered as it should.
    var failure: String?
    /// The beginning of the last answer.
    var output: String
    var attempts: Int
  }

  /// - Parameter goesOn: asked between attempts; false ends the waiting.
  /// - Throws: `.interrupted`.
  func run(goesOn: () -> Bool = { true }) throws -> Outcome {
    let began = MonotonicClock.nanoseconds
    var pause: UInt32 = 50_000
    var attempts = 0
    while true {
      try cancellation.check()
      attempts += 1
      let (failure, output) = ask(secondsLeft: left(since: began))
      guard let failure else { return Outcome(failure: nil, output: output, attempts: attempts) }
      guard left(since: began) > 0, goesOn() else {
        return Outcome(failure: failure, output: output, attempts: attempts)
      }
      usleep(pause)
      pause = min(pause * 2, 1_000_000)
    }
  }

  /// Whether there is anybody at all; also one who takes a connection and says nothing, or too much.
  func answers() -> Bool { ProbedPlace(probe.url)?.takesConnections(within: 2) ?? false }

  private func left(since began: UInt64) -> Double {
    probe.timeout - Double(MonotonicClock.nanoseconds &- began) / 1e9
  }

  private func ask(secondsLeft: Double) -> (failure: String?, output: String) {
    var options = HTTPExchange.Options()
    let seconds = max(
      1, min(Self.attemptSeconds, Int64(max(0, min(secondsLeft, 1e6)).rounded(.up))))
    options.connectSeconds = seconds
    options.idleSeconds = seconds
    options.totalSeconds = seconds
    do {
      let answer = try HTTPExchange(options).get(probe.url, largestAnswer: Self.largestAnswer)
      let body = String(decoding: answer.body, as: UTF8.self)
      let output = "HTTP \(answer.status)\n" + DrillOutput.text(answer.body)
      guard answer.status == probe.status else {
        return ("it answers \(answer.status), not \(probe.status)", output)
      }
      if let text = probe.contains, body.firstRange(of: text) == nil {
        return ("its answer does not contain \"\(ByteText.printable(text))\"", output)
      }
      return (nil, output)
    } catch {
      return ((error as? VarveError)?.message ?? "\(error)", "")
    }
  }
}

/// What programs print, as documents show it.
enum DrillOutput {
  /// More is not kept of one step.
  static let byteLimit = 16 << 10

  /// Line by line without control characters; the middle of what is too long is left out.
  static func text(_ bytes: [UInt8], isTruncated: Bool = false) -> String {
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false).map {
      ByteText.printable($0.last == 0x0d ? Array($0.dropLast()) : Array($0))
    }
    let text = lines.joined(separator: "\n")
    guard text.utf8.count > byteLimit else { return isTruncated ? text + "\n[…]" : text }
    let half = byteLimit / 2
    return String(decoding: text.utf8.prefix(half), as: UTF8.self) + "\n[…]\n"
      + String(decoding: text.utf8.suffix(half), as: UTF8.self)
  }

  static func text(_ outcome: CommandOutcome) -> String {
    var text = text(outcome.output, isTruncated: outcome.isOutputTruncated)
    if !outcome.errors.isEmpty { text += (text.isEmpty ? "" : "\n") + Self.text(outcome.errors) }
    return text
  }
}
