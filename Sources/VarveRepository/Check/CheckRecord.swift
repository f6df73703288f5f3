internal import VarveFormat

/// Appends a check's result to the log, so that auditors see it and later checks know what was read when.
enum CheckRecord {
  static func append(
    _ report: inout CheckReport, _ session: CheckSession, _ unlocked: UnlockedRepository?
  ) {
    guard let unlocked else {
      session.addNotChecked("the result was not recorded in the log: nothing unlocks")
      return
    }
    guard !session.damages.contains(where: { $0.object.hasPrefix(ObjectName.commitPrefix) }) else {
      session.addNotChecked("the result was not recorded in the log, which is damaged itself")
      return
    }
    var damaged: [String] = []
    for damage in report.damages where damaged.last != damage.object {
      damaged.append(damage.object)
    }
    let result = LogStatement.CheckResult(
      isDamaged: report.isDamaged, scope: scope(session.options.readData),
      counts: [
        "bytesRead": Int64(clamping: report.bytesRead),
        "chunks": Int64(clamping: report.chunks),
        "chunksVerified": Int64(clamping: report.chunksVerified),
        "damages": Int64(report.damages.count),
        "indexSegments": Int64(clamping: report.indexSegments),
        "objects": Int64(clamping: report.objects),
        "packs": Int64(clamping: report.packs),
        "packsRead": Int64(clamping: report.packsRead),
        "snapshots": Int64(clamping: report.snapshots),
        "treeNodes": Int64(clamping: report.treeNodes),
      ],
      damaged: damaged, started: report.start)
    do {
      report.entry = try unlocked.log.append { _ in [.check(result)] }.first
    } catch {
      session.addNotChecked("the result was not recorded in the log: \(error)")
    }
  }

  private static func scope(_ readData: CheckOptions.ReadData) -> String {
    switch readData {
    case .none: "structure"
    case .all: "read-data"
    case .part(let part, let count): "read-data \(part)/\(count)"
    case .fraction(let fraction): "read-data \((fraction * 1_000).rounded() / 10)%"
    case .bytes(let bytes): "read-data \(bytes) bytes"
    }
  }
}
