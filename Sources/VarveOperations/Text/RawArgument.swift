import CVarveLinux
import Glibc

/// An argument of arbitrary bytes, such as a path.
///
/// Swift's strings hold only valid Unicode, yet a file name may be any bytes. Before arguments are
/// parsed, each byte that is not part of valid UTF-8 becomes one scalar of the private-use range
/// U+10FE00 … U+10FEFF; scalars of that range that were really given become the escapes of their
/// bytes. So the mapping loses nothing and `bytes` takes it back.
package struct RawArgument: Hashable, Sendable {
  package let bytes: [UInt8]

  package init(bytes: [UInt8]) { self.bytes = bytes }

  package init(argument: String) { bytes = RawArgument.bytes(argument) }

  private static let escapes: ClosedRange<UInt32> = 0x10_fe00...0x10_feff

  /// The escaped text of an argument.
  package static func text(_ bytes: [UInt8]) -> String {
    var out = String.UnicodeScalarView()
    var rest = bytes[...]
    while !rest.isEmpty {
      var parser = Unicode.UTF8.ForwardParser()
      var iterator = rest.makeIterator()
      switch parser.parseScalar(from: &iterator) {
      case .valid(let encoded):
        let scalar = Unicode.UTF8.decode(encoded)
        if escapes.contains(scalar.value) {
          for byte in rest.prefix(encoded.count) { out.append(escape(byte)) }
        } else {
          out.append(scalar)
        }
        rest = rest.dropFirst(encoded.count)
      case .error(let length):
        for byte in rest.prefix(length) { out.append(escape(byte)) }
        rest = rest.dropFirst(length)
      case .emptyInput: rest = []
      }
    }
    return String(out)
  }

  /// The bytes of an escaped text.
  package static func bytes(_ text: String) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      if escapes.contains(scalar.value) {
        out.append(UInt8(scalar.value & 0xff))
      } else {
        out.append(contentsOf: UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter)
      }
    }
    return out
  }

  /// What a C string holds, escaped when it is not UTF-8; `decoded` is what Swift made of it.
  package static func text(_ decoded: String, _ pointer: UnsafePointer<CChar>) -> String {
    decoded.unicodeScalars.contains { $0 == "\u{fffd}" || escapes.contains($0.value) }
      ? text(
        Array(UnsafeBufferPointer(start: pointer, count: strlen(pointer))).map {
          UInt8(bitPattern: $0)
        })
      : decoded
  }

  private static func escape(_ byte: UInt8) -> Unicode.Scalar {
    Unicode.Scalar(escapes.lowerBound + UInt32(byte)) ?? "\u{fffd}"
  }
}

extension RawArgument {
  /// The bytes of an escaped text, ended by a NUL.
  package static func cString(_ text: String) -> [CChar] {
    bytes(text).map { CChar(bitPattern: $0) } + [0]
  }

  /// Lends an argument vector, ended by a null pointer.
  package static func withCStrings<T>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T
  ) -> T {
    let copies = texts.map { strdup(cString($0)) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}

extension RawArgument {
  /// The program's arguments, escaped, its name first.
  package static func commandLine() -> [String] {
    (0..<varve_argument_count()).compactMap { index in
      varve_argument(index).map { text(String(cString: $0), $0) }
    }
  }
}
