import Foundation
import Glibc
import Testing

/// What FaultTracer does to a program (Tests/FaultTracer/main.c).
enum Interference: Sendable {
  /// Kills it at its Nth call.
  case kill(at: Int)
  /// Kills it right after its Nth call of that name.
  case killAfter(String, Int)
  /// Has the Nth call that admits the fault meet it.
  case fault(String, at: Int)
  /// Logs what it changes into a file.
  case record(to: String)

  /// More calls than any program makes: for counting them.
  static let never = 1_000_000_000

  var options: [String] {
    switch self {
    case .kill(let number): ["--kill", String(number)]
    case .killAfter(let call, let number): ["--kill-after", call, String(number)]
    case .fault(let name, let number): ["--fault", name, String(number)]
    case .record(let path): ["--record", path]
    }
  }
}

/// How a traced program ended.
struct Traced {
  var outcome: Outcome
  /// The call that was reached, and its path.
  var struck: (call: String, path: String)?
  /// How many calls were counted.
  var total: Int

  /// The tracer's exit codes from 201 on stand for signals.
  var signal: Int32? { outcome.code > 200 ? outcome.code - 200 : outcome.signal }
}

enum Tracer {
  /// Whether there is one for this machine's processor.
  static var isSupported: Bool {
    #if arch(x86_64)
      true
    #else
      false
    #endif
  }

  static let unsupported: Comment = "the tracer knows the registers of x86-64 only"
}

extension Workspace {
  /// Runs varve while its calls below the workspace are interfered with.
  ///
  /// - Parameters:
  ///   - arguments: varve's, or a whole command if the first one is a shell.
  ///   - options: more of the tracer's own.
  ///   - limit: seconds after which it counts as hanging, and the test fails.
  func trace(
    _ interference: Interference, _ arguments: [String], and options: [String] = [],
    limit: Int32 = 60
  ) throws -> Traced {
    let report = root + "/trace-report"
    let command =
      [Tools.product("FaultTracer"), "--under", root, "--report", report] + interference.options
      + options + ["--"] + (arguments.first == "sh" ? [] : [Tools.varve]) + arguments
    let outcome = try RunningProcess(command, environment: environment).wait(limit: limit)
    try #require(outcome.code != 125, "the tracer failed: \(outcome.errors)")
    var traced = Traced(outcome: outcome, struck: nil, total: 0)
    for line in String(decoding: try read(report), as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2).map(String.init)
      if words[0] == "struck", words.count == 3 { traced.struck = (words[1], words[2]) }
      if words[0] == "total" { traced.total = Int(words[1]) ?? 0 }
    }
    return traced
  }
}
