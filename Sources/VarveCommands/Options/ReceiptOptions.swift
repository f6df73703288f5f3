import ArgumentParser
import VarveFormat
import VarveRepository

/// Whether a command says in the log what it has done.
struct ReceiptOptions: ParsableArguments {
  @Flag(help: "Leave no receipt in the log.")
  var noReceipt = false

  /// Leaves a receipt; that it cannot be is worth a warning and no more.
  func leave(
    _ receipt: LogStatement.Receipt?, in repository: UnlockedRepository, on console: Console
  ) {
    guard !noReceipt, let receipt, let failure = repository.leave(receipt) else { return }
    console.warning(
      "there is no receipt of this \(receipt.activity.rawValue) in the log: "
        + ByteText.printable(failure.description))
  }
}
