/// Shell-like variables in text, as Go's os.Expand reads them.
///
/// `$name` takes letters, digits and `_`; `${name}` everything up to the brace; `$*`, `$#`, `$$`,
/// `$@`, `$!`, `$?`, `$-` and `$0` to `$9` are names of one character. A `$` before anything else
/// stands for itself; `${}` and an open `${` vanish.
package enum VariableExpansion {
  private static let dollar = UInt8(ascii: "$")

  /// Replaces each variable by its value, or by nothing when `value` has none. O(n).
  package static func expand(
    _ text: some Collection<UInt8>, value: ([UInt8]) -> [UInt8]?
  ) -> [UInt8] {
    var out: [UInt8] = []
    var rest = Array(text)[...]
    while let byte = rest.popFirst() {
      guard byte == dollar, !rest.isEmpty else {
        out.append(byte)
        continue
      }
      switch name(&rest) {
      case .name(let name): out.append(contentsOf: value(name) ?? [])
      case .none: out.append(dollar)
      case .malformed: break
      }
    }
    return out
  }

  private enum Name {
    case name([UInt8])
    case none
    case malformed
  }

  private static func name(_ rest: inout ArraySlice<UInt8>) -> Name {
    if rest.first == UInt8(ascii: "{") {
      rest = rest.dropFirst()
      guard let brace = rest.firstIndex(of: UInt8(ascii: "}")) else { return .malformed }
      let name = Array(rest[..<brace])
      rest = rest[(brace + 1)...]
      return name.isEmpty ? .malformed : .name(name)
    }
    if let first = rest.first, isSpecial(first) {
      rest = rest.dropFirst()
      return .name([first])
    }
    let name = Array(rest.prefix(while: isAlphanumeric))
    rest = rest.dropFirst(name.count)
    return name.isEmpty ? .none : .name(name)
  }

  private static func isSpecial(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): true
    default: "*#$@!?-".utf8.contains(byte)
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
