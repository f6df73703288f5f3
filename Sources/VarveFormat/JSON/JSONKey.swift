/// Names of members. Swift compares strings, and looks them up, by canonical equivalence: a name spelled with other bytes would
/// be found all the same, KELVIN SIGN (U+212A) for `K`. No other reader would take it for that name.
enum JSONKey {
  /// Whatever decomposes to ASCII and is none: GREEK QUESTION MARK, GREEK VARIA, KELVIN SIGN. Unicode never adds to them: what a
  /// character decomposes to is stable.
  private static let disguises: [Unicode.Scalar] = ["\u{37e}", "\u{1fef}", "\u{212a}"]

  /// Whether `key` equals a string of ASCII without being one. O(n).
  static func isDisguised(_ key: String) -> Bool {
    var isDisguised = false
    for scalar in key.unicodeScalars where !scalar.isASCII {
      guard disguises.contains(scalar) else { return false }
      isDisguised = true
    }
    return isDisguised
  }
}
