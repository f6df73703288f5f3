import VarveCrypto

// `micro` alone measures what every byte and every look-up passes through; `micro index …` builds large
// indexes and measures them.
let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case nil:
  print(
    "micro-benchmarks: median of nine samples (lowest to highest); \(CryptographyLibrary.version)")
  try bulkBenchmarks()
  try indexBenchmarks()
  try treeBenchmarks()
case "index": try indexScaleBenchmarks(Array(arguments.dropFirst()))
case "index-probe": try probeIndex(Array(arguments.dropFirst()))
default: fail("usage: micro [index --directory DIR [--rows N,…] [--json FILE] …]")
}
