import Glibc
import Varve
import VarveFormat

/// What a command prints, as a source: worth a snapshot only when the command ends well, and in time.
final class CommandStream: BackupStream {
  let descriptor: Int32
  private let command: RunningCommand

  /// - Throws: `.io` when it cannot be started.
  init(_ specification: CommandSpecification, environment: [String: String]) throws {
    command = try RunningCommand(
      specification, environment: environment, handsOverOutput: true,
      timeout: specification.timeout)
    descriptor = command.output
  }

  deinit { close(descriptor) }

  func finish() throws {
    if let failure = command.wait().failure {
      throw VarveError(
        .io, "its command: \(failure); no snapshot was saved",
        hint: "run the command by hand, as the same user")
    }
  }

  func stop() { _ = command.stop() }
}
