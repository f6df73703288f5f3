import Glibc

/// What one call of a benchmark's body gets done.
enum Work {
  case bytes(Int)
  case operations(Int)
}

/// Runs a body in samples of at least 50 ms, nine of them after one to warm up, and prints the median
/// with the lowest and highest beside it.
func measure(_ name: String, _ work: Work, _ body: () throws -> Void) rethrows {
  var calls = 1
  var seconds = try sample(calls, body)
  while seconds < 0.05 {
    calls = max(calls + 1, Int(Double(calls) * min(16, 0.06 / max(seconds, 1e-7))))
    seconds = try sample(calls, body)
  }
  let times = try (0..<9).map { _ in try sample(calls, body) / Double(calls) }.sorted()
  print(row(name, work, median: times[4], lowest: times[0], highest: times[8]))
}

private func sample(_ calls: Int, _ body: () throws -> Void) rethrows -> Double {
  let start = now()
  for _ in 0..<calls { try body() }
  return now() - start
}

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

private func row(_ name: String, _ work: Work, median: Double, lowest: Double, highest: Double)
  -> String
{
  let label = name + String(repeating: " ", count: max(1, 50 - name.count))
  switch work {
  case .bytes(let count):
    let rate = { (seconds: Double) in decimal(Double(count) / seconds / 1e9, 2) }
    return "\(label)\(rate(median)) GB/s   (\(rate(highest)) to \(rate(lowest)))"
  case .operations(let count):
    let each = { (seconds: Double) in decimal(seconds / Double(count) * 1e9, 1) }
    return "\(label)\(each(median)) ns   (\(each(lowest)) to \(each(highest)))"
  }
}

private func decimal(_ value: Double, _ places: Int) -> String {
  let scale = pow(10.0, Double(places))
  let whole = Int((value * scale).rounded())
  let fraction = String(whole % Int(scale))
  let text =
    "\(whole / Int(scale))." + String(repeating: "0", count: places - fraction.count) + fraction
  return String(repeating: " ", count: max(0, 9 - text.count)) + text
}

/// Keeps the optimiser from dropping a result.
@inline(never) func keep<T>(_ value: T) {}

/// Bytes without pattern, the same every time.
func patternless(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    for index in 0..<count {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      buffer[index] = UInt8(truncatingIfNeeded: state >> 24)
    }
    initialized = count
  }
}
