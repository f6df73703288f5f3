import Glibc
import Testing

/// A server that a test starts on loopback, and that ends with its workspace at the latest.
final class Server {
  private let process: RunningProcess
  private var outcome: Outcome?
  private var isEnding = false
  /// Without a slash at its end.
  let url: String

  /// - Parameter command: prints its URL, as soon as it accepts connections, somewhere in its first line.
  init(_ here: Workspace, _ command: [String]) throws {
    process = try RunningProcess(command, environment: here.environment)
    var line = ""
    // Its standard output is a file; a line there is complete with its newline.
    while !line.contains("\n") {
      guard !process.ended(within: 10) else {
        let outcome = try process.wait()
        throw SpawnFailure(description: "\(command): \(outcome.code) \(outcome.errors)")
      }
      // One that has just ended has no such file; the next look says how it ended.
      line = String(
        decoding: (try? here.read("/proc/\(process.identifier)/fd/1")) ?? [], as: UTF8.self)
    }
    let start = try #require(line.firstRange(of: "http://")?.lowerBound)
    url = String(line[start...].prefix { !$0.isWhitespace && $0 != "\"" })
    here.servers.append(self)
  }

  func signal(_ signal: Int32) { process.send(signal) }

  /// Asks it to end.
  @discardableResult
  func stop(_ signal: Int32 = SIGTERM) throws -> Outcome {
    if let outcome { return outcome }
    isEnding = true
    process.send(signal)
    let outcome = try process.wait(limit: 60)
    self.outcome = outcome
    return outcome
  }

  deinit {
    guard !isEnding else { return }
    process.send(SIGKILL)
    _ = try? process.wait()
  }
}

extension Workspace {
  /// A server that answers as a Python function says: `respond(method, path, body)` gives status, content type and body.
  func pythonServer(_ respond: String) throws -> Server {
    let script = root + "/server-\(UInt32.random(in: 0...UInt32.max)).py"
    try write(
      """
      import base64, hashlib, http.server, json, os, subprocess, sys, time
      \(respond)
      class Handler(http.server.BaseHTTPRequestHandler):
          protocol_version = "HTTP/1.1"
          def answer(self):
              body = self.rfile.read(int(self.headers.get("content-length", 0)))
              status, kind, out = respond(self.command, self.path, body)
              self.send_response(status)
              self.send_header("Content-Type", kind)
              self.send_header("Content-Length", str(len(out)))
              self.end_headers()
              self.wfile.write(out)
          do_GET = do_POST = answer
          def log_message(self, *arguments): pass
      server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
      print("http://127.0.0.1:%d" % server.server_port, flush=True)
      server.serve_forever()

      """, to: script)
    return try Server(self, [Tools.python, script])
  }

  /// Varve with a clock that is off, such as `-2 days` or `+36 hours`.
  func varve(at time: String, _ arguments: String...) throws -> Outcome {
    try run(Tools.clock(time) + [Tools.varve] + arguments)
  }
}
