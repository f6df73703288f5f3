import VarveFormat
import VarveRepository

/// What repairing packs and index will do or has done, for people and as JSON.
struct StorageRepairSummary {
  let plan: StorageRepairPlan
  /// Nil while nothing has been done.
  let report: StorageRepairReport?

  func print(on console: Console) throws {
    if console.isJSON {
      try console.json { json(into: &$0) }
    } else if let report {
      try done(report, on: console)
    } else {
      try planned(on: console)
    }
  }

  private func planned(on console: Console) throws {
    if !console.isQuiet {
      let read = plan.packsRead > 0 ? ", \(plan.packsRead) of them to the last byte" : ""
      try console.line("looked at \(HumanText.count(plan.packs, "pack"))\(read)")
    }
    // What is lost is data, even with --quiet.
    for lost in plan.lostPacks + plan.lostSegments {
      try console.line("lost: \(lost.object.name): \(ByteText.printable(lost.reason))")
    }
    for failure in plan.lostLists {
      try console.line(
        "lost: \(ByteText.printable(failure.message)); what it listed and is still there is declared anew"
      )
    }
    guard !console.isQuiet else { return }
    if !plan.wrongSegments.isEmpty {
      try console.line("replace \(HumanText.count(plan.wrongSegments.count, "index segment"))")
    }
    if !plan.returnedPacks.isEmpty {
      try console.line(
        "use again \(HumanText.count(plan.returnedPacks.count, "pack")) that had been lost")
    }
    if plan.unlistedPacks > 0 {
      try console.line("index \(HumanText.count(plan.unlistedPacks, "pack"))")
    }
    if plan.isEmpty { try console.line("nothing to do") }
  }

  private func done(_ report: StorageRepairReport, on console: Console) throws {
    guard !plan.isEmpty, !console.isQuiet else { return }
    if report.savedChunks > 0 {
      try console.line(
        "saved \(HumanText.count(report.savedChunks, "chunk")), "
          + "\(HumanText.bytes(report.savedByteCount)), of damaged packs")
    }
    if report.storedObjects > 0 {
      try console.line(
        "stored \(HumanText.count(report.storedObjects, "new object")), "
          + HumanText.bytes(report.storedByteCount))
    }
    guard !plan.lostPacks.isEmpty else { return }
    console.note(
      "'varve check' says which files are affected; a backup of the same sources stores again what is "
        + "lost, and 'varve repair snapshots' parts with the rest")
  }

  private func json(into writer: inout JSONWriter) {
    writer.member("message_type", report == nil ? "plan" : "summary")
    writer.member("total_packs", plan.packs)
    writer.member("packs_read", plan.packsRead)
    writer.key("lost")
    writer.array { writer in
      for lost in plan.lostPacks + plan.lostSegments {
        writer.object {
          $0.member("object", lost.object.name)
          $0.member("size", lost.object.size)
          $0.member("reason", lost.reason)
        }
      }
    }
    writer.member("replaced_segments", plan.wrongSegments.map(\.name))
    writer.member("returned_packs", plan.returnedPacks.map(\.name))
    writer.member("indexed_packs", plan.unlistedPacks)
    guard let report else { return }
    writer.member("saved_chunks", report.savedChunks)
    writer.member("saved_bytes", report.savedByteCount)
    writer.member("lost_blocks", report.lostBlocks)
    writer.member("stored_objects", report.storedObjects)
    writer.member("stored_bytes", report.storedByteCount)
    writer.key("log_entries")
    writer.array { writer in for entry in report.entries { writer.integer(entry) } }
  }
}
