import Glibc
import VarveFormat
import VarveOperations
import VarveRepository

/// A shell command that takes bytes on its standard input and answers on its standard output; its standard error is ours.
struct FilterCommand {
  private static let largestAnswer = 1 << 20

  let command: String

  /// - Parameter input: fits into a pipe (64 KiB), so that nobody waits for the other.
  /// - Throws: `io` when the command cannot be run, fails, or takes longer than five minutes; `interrupted`.
  func run(_ input: [UInt8]) throws -> [UInt8] {
    let name = "'\(command)'"
    var answer: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    func check() throws { try Interruption.flag.check() }
    try ShellCommand(command, name: name).run(input: input, isInterrupted: check) { file in
      let count = read(file, &piece, piece.count)
      guard count >= 0 else {
        if errno == EINTR { return true }
        throw VarveError(.io, "cannot read \(name): \(String(cString: strerror(errno)))")
      }
      answer += piece.prefix(count)
      guard answer.count <= Self.largestAnswer else {
        throw VarveError(.usage, "\(name) gives more than \(Self.largestAnswer >> 10) KiB")
      }
      return count > 0
    }
    return answer
  }
}
