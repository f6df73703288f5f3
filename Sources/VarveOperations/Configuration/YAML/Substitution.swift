import VarveFormat

/// Puts variables of the environment into values:
///
///     ${NAME}            its value; an error where it is not set
///     ${NAME:-default}   its value, else what follows, which may be empty; also where it is empty
///     $$                 a dollar sign
///
/// Any other `$` stays as it is. What is put in is not looked at again.
package struct Substitution {
  package struct Failure: Error {
    package let message: String
  }

  private static let lengthLimit = 64 << 10

  private let variable: (String) -> String?

  package init(_ variable: @escaping (String) -> String?) { self.variable = variable }

  package func applied(to text: String) throws(Failure) -> String {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      switch rest.first {
      case "$":
        result += "$"
        rest = rest.dropFirst()
      case "{":
        guard let end = rest.firstIndex(of: "}") else {
          throw Failure(message: "'${' has no '}'; write $${ where the shell is to see ${")
        }
        result += try value(of: rest[rest.index(after: rest.startIndex)..<end])
        rest = rest[rest.index(after: end)...]
      default: result += "$"
      }
      guard result.utf8.count <= Self.lengthLimit else {
        throw Failure(message: "it becomes longer than \(Self.lengthLimit >> 10) KiB")
      }
    }
    return result + rest
  }

  private func value(of inner: Substring) throws(Failure) -> String {
    let name = inner.prefix { $0 == "_" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
    let after = inner.dropFirst(name.count)
    guard !name.isEmpty, !(name.first?.isNumber ?? true), after.isEmpty || after.hasPrefix(":-")
    else {
      throw Failure(
        message: "'${\(ByteText.printable(String(inner)))}' is neither ${NAME} nor "
          + "${NAME:-default}; write $${ where the shell is to see ${")
    }
    let value = variable(String(name))
    if after.isEmpty {
      guard let value else {
        throw Failure(
          message: "the environment has no \(name); set it, or write ${\(name):-default}")
      }
      return value
    }
    if let value, !value.isEmpty { return value }
    return String(after.dropFirst(2))
  }
}
