internal import VarveFormat

extension Prune {
  /// Packs that are dead, and those that are worth copying; the latter are returned.
  func choosePacks(_ tally: PackTally, _ plan: inout PrunePlan) -> [PackTally.Pack] {
    var usedBytes: UInt64 = 0
    var partly: [(pack: PackTally.Pack, unused: UInt64)] = []
    var short: [PackType: Int] = [:]
    let shortSize = UInt64(unlocked.config.packSize) / 4
    for pack in tally.packs {
      plan.packs += 1
      plan.byteCount += pack.pack.size
      guard pack.isUsed else {
        plan.unusedByteCount += pack.pack.size
        plan.removedUnusedByteCount += pack.pack.size
        plan.deadPacks.append(pack.reference)
        continue
      }
      let unused = pack.unusedByteCount
      plan.unusedByteCount += unused
      usedBytes += pack.pack.size - min(unused, pack.pack.size)
      if unused > 0 || (options.repackSmall && pack.pack.size < shortSize) {
        partly.append((pack, unused))
        if unused == 0 { short[pack.pack.type, default: 0] += 1 }
      }
    }
    plan.deadPacks.sort()
    let limit: UInt64 =
      switch options.maxUnused {
      case .bytes(let bytes): bytes
      case .fraction(let fraction): UInt64(Double(usedBytes) * max(0, fraction))
      case .unlimited: .max
      }
    partly.sort {
      let (a, b) = (
        Double($0.unused) / Double($0.pack.pack.size), Double($1.unused) / Double($1.pack.pack.size)
      )
      return a == b ? $0.pack.pack.name < $1.pack.pack.name : a > b
    }
    var remaining = partly.reduce(UInt64(0)) { $0 + $1.unused }
    var chosen: [PackTally.Pack] = []
    for (pack, unused) in partly {
      let isShort = options.repackSmall && pack.pack.size < shortSize
      // One short pack alone would only be copied.
      let isWorthIt =
        remaining > limit && unused > 0
        || isShort && (unused > 0 || short[pack.pack.type, default: 0] > 1)
      guard isWorthIt else { continue }
      let copied = pack.pack.size - min(unused, pack.pack.size)
      if let most = options.maxRepackSize, plan.repackByteCount + copied > most { continue }
      plan.repackByteCount += copied
      plan.removedUnusedByteCount += unused
      plan.repackedPacks.append(pack.reference)
      remaining -= unused
      chosen.append(pack)
    }
    return chosen
  }
}

extension PackTally.Pack {
  fileprivate var reference: ObjectReference {
    ObjectReference(name: ObjectName.pack(pack.name), size: pack.size)
  }
}
