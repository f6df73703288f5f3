/// The eight letters and the version with which every binary object opens.
extension ByteWriter {
  package mutating func ascii(_ text: StaticString) {
    raw(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

extension ByteReader {
  package mutating func magic(_ magic: StaticString) throws {
    let expected = UnsafeRawBufferPointer(start: magic.utf8Start, count: magic.utf8CodeUnitCount)
    guard try slice(expected.count).elementsEqual(expected) else {
      throw fail("it does not begin with \(magic)")
    }
  }

  package mutating func version(_ known: UInt16) throws {
    let version = try u16()
    guard version == known else {
      throw VarveError.newerFormat("\(context) has version \(version)")
    }
  }
}

extension VarveError {
  static func newerFormat(_ what: String) -> VarveError {
    VarveError(
      .unsupportedFormat, "\(what), which this program does not know",
      hint: "use the version of varve that wrote it, or a newer one")
  }
}
