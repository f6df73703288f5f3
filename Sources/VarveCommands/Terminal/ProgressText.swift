import VarveFormat

/// The lines of a progress display, made from numbers.
package enum ProgressText {
  /// Such as `[0:12] 35.20%  1234 / 5678 files, 1.203 GiB / 3.417 GiB, 105.300 MiB/s, ETA 0:20`.
  ///
  /// - Parameters:
  ///   - done, total: files and bytes; total is nil while it is not final.
  ///   - errors: left out when 0.
  package static func line(
    seconds: Double, done: (files: UInt64, bytes: UInt64), total: (files: UInt64, bytes: UInt64)?,
    rate: Double, remaining: UInt64?, errors: UInt64, noun: String = "files"
  ) -> String {
    var line = "[" + HumanText.duration(seconds: UInt64(max(0, seconds))) + "] "
    if let total {
      line += HumanText.percent(fraction(done.bytes, total.bytes)) + "  "
      line += "\(done.files) / \(total.files) \(noun), "
      line += HumanText.bytes(done.bytes) + " / " + HumanText.bytes(total.bytes)
    } else {
      line += "\(done.files) \(noun), " + HumanText.bytes(done.bytes)
    }
    if rate >= 1, rate < 1e18 { line += ", " + HumanText.bytes(UInt64(rate)) + "/s" }
    if errors > 0 { line += ", " + HumanText.count(errors, "error") }
    if total != nil, let remaining {
      line += ", ETA " + HumanText.duration(seconds: remaining)
    }
    return line
  }

  /// How much of `total` is done; 1 when there is nothing to do, never more than 1.
  package static func fraction(_ done: UInt64, _ total: UInt64) -> Double {
    total == 0 ? 1 : min(1, Double(done) / Double(total))
  }
}
