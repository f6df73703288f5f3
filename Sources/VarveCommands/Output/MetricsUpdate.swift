import VarveFormat
import VarveOperations
import VarveRepository

extension RunSurroundings {
  /// For node_exporter; that it cannot be written is worth a warning and no more.
  func updateMetrics(on console: Console) {
    guard let path = configuration.metricsFile else { return }
    do {
      let reader = StatusReader(
        configuration, client: client, isInterrupted: { try Interruption.flag.check() },
        note: { console.note($0) })
      try MetricsFile.update(path, reader.report())
    } catch {
      console.warning("the metrics file is not up to date: \(error)")
    }
  }
}
