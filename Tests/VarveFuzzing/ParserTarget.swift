package import VarveFormat

/// A parser that is fuzzed, by libFuzzer (Fuzzing/) and, in short, by `make test`.
///
/// What a parser owes whatever bytes it is given:
/// - it throws one of `refusals`, or it accepts; it never traps, hangs or reads outside the bytes;
/// - where a format has one encoding of each value (`recode` gives bytes), what it accepts is that encoding;
/// - it allocates no more than `allocationLimit` MiB at once, however short the bytes are.
package struct ParserTarget: Sendable {
  package let name: String
  /// What valid input looks like. Called once.
  package let seeds: @Sendable () throws -> [[UInt8]]
  /// Strings that mean something in the format.
  package let tokens: [String]
  /// MiB that one allocation may take.
  package let allocationLimit: Int
  package let refusals: Set<VarveError.Code>
  /// Parses, uses what was parsed, and encodes it again; nil where a value has several encodings.
  let recode: @Sendable ([UInt8]) throws -> [UInt8]?

  package init(
    _ name: String, tokens: [String] = [], allocationLimit: Int = 4,
    refusals: Set<VarveError.Code> = [.damaged, .unsupportedFormat],
    seeds: @escaping @Sendable () throws -> [[UInt8]],
    recode: @escaping @Sendable ([UInt8]) throws -> [UInt8]?
  ) {
    self.name = name
    self.seeds = seeds
    self.tokens = tokens
    self.allocationLimit = allocationLimit
    self.refusals = refusals
    self.recode = recode
  }

  /// - Returns: what the parser did against its contract, or nil.
  package func violation(_ bytes: [UInt8]) -> String? {
    do {
      guard let recoded = try recode(bytes), recoded != bytes else { return nil }
      return "\(name): two encodings of one value"
    } catch let error as VarveError {
      return refusals.contains(error.code) ? nil : "\(name): \(error.code.rawValue): \(error)"
    } catch let error as Broken {
      return "\(name): \(error.what)"
    } catch {
      return "\(name): \(error)"
    }
  }

  /// Whether a parser takes these bytes.
  package func accepts(_ bytes: [UInt8]) -> Bool {
    do {
      _ = try recode(bytes)
      return true
    } catch {
      return false
    }
  }

  package static let all: [ParserTarget] =
    keyTargets + logTargets + proofTargets + witnessTargets + packTargets + indexTargets
    + treeTargets + snapshotTargets + localTargets + textTargets + archiveTargets
}

/// A property that does not hold.
struct Broken: Error {
  let what: String
  init(_ what: String) { self.what = what }
}

/// - Throws: `Broken`.
func require(_ condition: Bool, _ what: String) throws {
  guard condition else { throw Broken(what) }
}

/// Keeps a value from being optimised away.
@inline(never) @_optimize(none)
func use<T>(_ value: T) {}
