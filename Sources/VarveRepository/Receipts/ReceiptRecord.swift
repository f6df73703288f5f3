public import VarveFormat

extension UnlockedRepository {
  /// Leaves in the log what was done, so that auditors see it. What was done counts, whether or not that can be said: a
  /// repository that cannot be written is no reason to fail.
  ///
  /// - Returns: why there is no receipt; nil when there is one.
  public func leave(_ receipt: LogStatement.Receipt) -> VarveError? {
    do {
      _ = try log.append { _ in [.receipt(receipt)] }
      return nil
    } catch let error as VarveError {
      return error
    } catch {
      return VarveError(.io, "the log cannot be appended to", cause: error)
    }
  }
}
