import VarveCrypto
import VarveFormat

/// An index segment of 10^6 rows: building, and looking up what is there and what is not.
func indexBenchmarks() throws {
  let count = 1_000_000
  var addresses: [Digest] = []
  addresses.reserveCapacity(count)
  var builder = IndexSegmentBuilder()
  let perPack = 1000
  for pack in 0..<count / perPack {
    var trailer = PackTrailer()
    for slot in 0..<perPack {
      let address = SHA256.digest(Array("\(pack) \(slot)".utf8))
      addresses.append(address)
      trailer.append(PackTrailer.Slot(address: address, length: 1 << 20))
      if slot % 10 == 9 { trailer.endBlock(storedLength: 1 << 16) }
    }
    let name = SHA256.digest(Array("pack \(pack)".utf8))
    builder.add(IndexPack(name: name, size: 32 << 20, type: .data), trailer)
  }
  var filled = builder
  let segment = filled.finish()
  measure("index segment, build a row of 10^6", .operations(count)) {
    var copy = builder
    keep(copy.finish())
  }
  let inventory = Inventory(
    (0..<100_000).map {
      ObjectReference(name: ObjectName.pack(IndexShape.pack($0)), size: IndexShape.packSize)
    }
  ).encode()
  try measure("inventory, read an object", .operations(100_000)) {
    var bytes: UInt64 = 0
    try Inventory.forEachObject(in: inventory) { _, _, size in bytes += size }
    keep(bytes)
  }
  let absent = (0..<100_000).map { SHA256.digest(Array("absent \($0)".utf8)) }
  var order = addresses
  var generator = SplitMix(state: 3)
  order.shuffle(using: &generator)
  let present = Array(order.prefix(100_000))
  try segment.withUnsafeBytes { bytes in
    let view = try IndexSegmentView(bytes)
    measure("index look-up, present", .operations(present.count)) {
      var found = 0
      for address in present where view.lookup(address) != nil { found += 1 }
      precondition(found == present.count)
    }
    measure("index look-up, absent", .operations(absent.count)) {
      var found = 0
      for address in absent where view.lookup(address) != nil { found += 1 }
      precondition(found == 0)
    }
  }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
