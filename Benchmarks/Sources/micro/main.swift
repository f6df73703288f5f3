import VarveCrypto

print(
  "micro-benchmarks: median of nine samples (lowest to highest); \(CryptographyLibrary.version)")
try bulkBenchmarks()
try indexBenchmarks()
try treeBenchmarks()
