import Glibc
import VarveFuzzing

// libFuzzer's entry points. Which parser it is follows from the environment, since libFuzzer has the
// arguments:
//
//     VARVE_FUZZ_LIST=1           prints the names of all parsers and what one allocation of each may take
//     VARVE_FUZZ_TARGET=<name>    fuzzes that one
//     VARVE_FUZZ_CORPUS=<dir>     first writes its seeds and its regressions there, and its tokens to <dir>.dict

/// libFuzzer's own `main`, which gives way to the one that SwiftPM expects.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@_cdecl("fuzz_main")
public func main(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
  var count = count
  var arguments: UnsafeMutableRawPointer = arguments
  return withUnsafeMutablePointer(to: &arguments) {
    runDriver(&count, UnsafeMutableRawPointer($0), testOneInput)
  }
}

private nonisolated(unsafe) var target = ParserTarget.all[0]

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer
) -> CInt {
  if getenv("VARVE_FUZZ_LIST") != nil {
    for target in ParserTarget.all { print(target.name, target.allocationLimit) }
    exit(0)
  }
  let name = getenv("VARVE_FUZZ_TARGET").map { String(cString: $0) }
  guard let found = ParserTarget.all.first(where: { $0.name == name }) else {
    fail("VARVE_FUZZ_TARGET names no parser")
  }
  target = found
  if let path = getenv("VARVE_FUZZ_CORPUS") { writeCorpus(String(cString: path)) }
  // Once, so that what is made on first use is not counted as the first input's.
  if let seed = try? found.seeds().first { _ = found.violation(seed) }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  if let violation = target.violation(input) { fail(violation) }
  return 0
}

private func writeCorpus(_ directory: String) {
  do {
    mkdir(directory, 0o755)
    let inputs =
      try target.seeds().enumerated().map { ("seed-\($0)", $1) }
      + Regressions.inputs(of: target.name).map { ("regression-\($0.name)", $0.bytes) }
    for (name, bytes) in inputs { write(bytes, "\(directory)/\(name)") }
  } catch {
    fail("\(target.name) has no seeds: \(error)")
  }
  // libFuzzer refuses an empty dictionary; a zero of 32 bits has a meaning in all binary formats.
  var dictionary = #""\x00\x00\x00\x00""# + "\n"
  for token in target.tokens {
    let escaped = token.utf8.map { byte in
      let digits = String(byte, radix: 16)
      return "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
    }
    dictionary += "\"\(escaped.joined())\"\n"
  }
  write(Array(dictionary.utf8), "\(directory).dict")
}

private func write(_ bytes: [UInt8], _ path: String) {
  guard let file = fopen(path, "w") else { fail("\(path) cannot be written") }
  defer { fclose(file) }
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
    fail("\(path) cannot be written")
  }
}

private func fail(_ reason: String) -> Never {
  _ = "violation: \(reason)\n".withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
  abort()
}
