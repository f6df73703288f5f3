import VarveTestSupport

/// Bytes that no two blocks have alike.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var random = SeededGenerator(seed: seed)
  return random.bytes(count)
}
