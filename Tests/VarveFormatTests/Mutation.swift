import Testing
import VarveFormat
import VarveTestSupport

/// What every decoder owes hostile bytes: it throws a `VarveError`, or it accepts bytes that are the one
/// encoding of what it decoded. It never traps.
struct Mutation {
  let seed: UInt64
  /// Changed bytes tried.
  var rounds = 400

  /// - Parameter recode: decodes and encodes again.
  func expectSafe(
    _ bytes: [UInt8], at location: SourceLocation = #_sourceLocation,
    _ recode: (UnsafeRawBufferPointer) throws -> [UInt8]
  ) {
    expectSafe(bytes, "the bytes themselves", mustPass: true, location, recode)
    let lengths = bytes.count <= 2_000 ? Array(0..<bytes.count) : sampledLengths(bytes.count)
    for length in lengths {
      expectSafe(Array(bytes[..<length]), "cut to \(length)", location, recode)
    }
    expectSafe(bytes + [0], "extended", location, recode)
    guard !bytes.isEmpty else { return }
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<rounds {
      var changed = bytes
      let offset = Int.random(in: 0..<changed.count, using: &generator)
      let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
      changed[offset] = Bool.random(using: &generator) ? changed[offset] ^ bit : 0xff
      expectSafe(changed, "changed at \(offset)", location, recode)
    }
  }

  private func sampledLengths(_ count: Int) -> [Int] {
    var generator = SeededGenerator(seed: seed &+ 1)
    return Array(0..<200) + (0..<400).map { _ in Int.random(in: 200..<count, using: &generator) }
  }

  private func expectSafe(
    _ bytes: [UInt8], _ what: String, mustPass: Bool = false, _ location: SourceLocation,
    _ recode: (UnsafeRawBufferPointer) throws -> [UInt8]
  ) {
    do {
      // A copy of exactly these bytes, so that reading past the end leaves the allocation.
      let recoded = try [UInt8](bytes).withUnsafeBytes { try recode($0) }
      let isSame = recoded == bytes
      #expect(isSame, "\(what): two encodings of one value", sourceLocation: location)
    } catch let error as VarveError {
      #expect(!mustPass, "\(what): \(error)", sourceLocation: location)
      #expect(
        [.damaged, .unsupportedFormat].contains(error.code), "\(what): \(error.code.rawValue)",
        sourceLocation: location)
    } catch {
      Issue.record("\(what): \(error)", sourceLocation: location)
    }
  }
}

/// Runs a vector's decoder and compares with its expected result.
func expectResult(
  _ record: VectorFile.Record, at location: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) throws {
  let expected = try record.text("result")
  let name = "\(record): \(try record.text("what"))"
  do {
    try body()
    #expect(expected == "ok", "\(name) was accepted", sourceLocation: location)
  } catch let error as VarveError {
    #expect(expected == error.code.rawValue, "\(name): \(error)", sourceLocation: location)
  }
}
