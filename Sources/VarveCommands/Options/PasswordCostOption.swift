import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository

/// What unlocking with a new password is to cost.
struct PasswordCostOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory that unlocking with the new password takes, a power of two from 16M to 1G; more makes guessing dearer, less suits small machines. (environment: VARVE_PASSWORD_MEMORY; default: 128M)",
      valueName: "size"))
  var passwordMemory: ByteSize?

  /// Nil when nothing is said.
  func cost(_ environment: ProcessEnvironment = .current) throws -> PasswordCost? {
    if let passwordMemory { return try PasswordCost(memory: passwordMemory.bytes) }
    guard let text = environment["VARVE_PASSWORD_MEMORY"] else { return nil }
    guard let size = ByteSize(text) else {
      throw VarveError(.usage, "VARVE_PASSWORD_MEMORY is no size such as 128M")
    }
    return try PasswordCost(memory: size.bytes)
  }
}
