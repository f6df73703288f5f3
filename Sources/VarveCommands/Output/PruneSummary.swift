import VarveFormat
import VarveRepository

/// What a prune will do or has done, for people and as JSON.
struct PruneSummary {
  let plan: PrunePlan
  /// Nil while nothing has been done.
  let report: PruneReport?

  func print(on console: Console) throws {
    if console.isJSON {
      try console.json { json(into: &$0) }
    } else if let report {
      if !console.isQuiet { try done(report, on: console) }
    } else if !console.isQuiet {
      try planned(on: console)
    }
    if report == nil || console.isJSON {
      for snapshot in plan.heldWithLosses {
        console.warning(
          "the snapshot \(snapshot.hex.prefix(8)) is held and not whole: what it has lost stays lost, and so does "
            + "what could be reached only through that")
      }
    }
    if plan.unindexedPacks > 0, report == nil || console.isJSON {
      console.warning(
        "\(HumanText.count(plan.unindexedPacks, "live pack is", "live packs are")) in no index; "
          + "they were left alone")
    }
  }

  private func planned(on console: Console) throws {
    func line(
      _ what: String, _ objects: [ObjectReference], _ one: String, _ many: String? = nil
    ) throws {
      guard !objects.isEmpty else { return }
      let bytes = objects.reduce(UInt64(0)) { $0 + $1.size }
      try console.line(
        "\(what): \(HumanText.count(objects.count, one, many)), \(HumanText.bytes(bytes))")
    }
    try console.line(
      "\(HumanText.count(plan.packs, "pack")), \(HumanText.bytes(plan.byteCount)), of which "
        + "\(HumanText.bytes(plan.unusedByteCount)) "
        + "(\(HumanText.percent(share(plan.unusedByteCount)))) are unused")
    try line("condemn", plan.deadPacks, "unused pack")
    if !plan.repackedPacks.isEmpty {
      try line("copy and condemn", plan.repackedPacks, "partly unused pack")
      try console.line("  of which are copied: \(HumanText.bytes(plan.repackByteCount))")
    }
    try line("replace", plan.replacedSegments, "index segment")
    try line(
      "condemn", plan.records, "record of a forgotten snapshot", "records of forgotten snapshots")
    try line("condemn", plan.lost, "lost object")
    try line("condemn", plan.orphans, "object that nothing names", "objects that nothing names")
    if plan.sparedOrphans > 0 {
      try console.line(
        "leave alone: \(HumanText.count(plan.sparedOrphans, "object")) that a running backup may "
          + "have stored")
    }
    if !plan.sweptEntries.isEmpty {
      try console.line(
        "delete what was condemned earlier: \(HumanText.bytes(plan.sweptByteCount))")
    }
    try line("delete what was swept earlier", plan.leftovers, "object")
    if let until = plan.waitingUntil {
      try console.line(
        "waiting: \(HumanText.count(plan.waitingObjects, "condemned object")), "
          + "\(HumanText.bytes(plan.waitingByteCount)), until "
          + EntryText.shortTime(WallClock.local(seconds: until.seconds)))
    }
    if plan.isEmpty {
      try console.line("nothing to do")
    } else {
      try console.line("unused afterwards: \(HumanText.bytes(plan.remainingUnusedByteCount))")
    }
  }

  private func done(_ report: PruneReport, on console: Console) throws {
    if report.condemnedObjects > 0 {
      let condemned = HumanText.count(report.condemnedObjects, "object")
      var line = "condemned \(condemned), \(HumanText.bytes(report.condemnedByteCount))"
      if report.storedObjects > 0 {
        line += "; stored \(HumanText.bytes(report.storedByteCount)) in their place"
      }
      try console.line(line)
    }
    if report.savedPacks > 0 {
      try console.line(
        "kept \(HumanText.count(report.savedPacks, "pack")) for snapshots that came meanwhile")
    }
    if report.deletedObjects > 0 {
      try console.line(
        "deleted \(HumanText.count(report.deletedObjects, "object")), "
          + HumanText.bytes(report.deletedByteCount))
    }
  }

  private func share(_ bytes: UInt64) -> Double {
    plan.byteCount == 0 ? 0 : Double(bytes) / Double(plan.byteCount)
  }

  private func json(into writer: inout JSONWriter) {
    writer.member("message_type", report == nil ? "plan" : "summary")
    writer.member("total_packs", plan.packs)
    writer.member("total_bytes", plan.byteCount)
    writer.member("unused_bytes", plan.unusedByteCount)
    writer.member("remaining_unused_bytes", plan.remainingUnusedByteCount)
    writer.member("dead_packs", UInt64(plan.deadPacks.count))
    writer.member("repacked_packs", UInt64(plan.repackedPacks.count))
    writer.member("repacked_bytes", plan.repackByteCount)
    writer.member("replaced_segments", UInt64(plan.replacedSegments.count))
    writer.member("records", UInt64(plan.records.count))
    writer.member("lost", UInt64(plan.lost.count))
    writer.member("orphans", UInt64(plan.orphans.count))
    writer.member("spared_orphans", plan.sparedOrphans)
    writer.member("unindexed_packs", plan.unindexedPacks)
    writer.member("held_with_losses", plan.heldWithLosses.map(\.hex))
    writer.member("waiting_objects", plan.waitingObjects)
    writer.member("waiting_bytes", plan.waitingByteCount)
    if let until = plan.waitingUntil { writer.member("waiting_until", until.utcSeconds) }
    guard let report else {
      writer.member("swept_bytes", plan.sweptByteCount)
      writer.member("leftovers", UInt64(plan.leftovers.count))
      return
    }
    if let condemnation = report.condemnation { writer.member("condemnation", condemnation) }
    writer.member("condemned_objects", report.condemnedObjects)
    writer.member("condemned_bytes", report.condemnedByteCount)
    writer.member("stored_objects", report.storedObjects)
    writer.member("stored_bytes", report.storedByteCount)
    writer.member("deleted_objects", report.deletedObjects)
    writer.member("deleted_bytes", report.deletedByteCount)
    writer.member("saved_packs", report.savedPacks)
  }
}
