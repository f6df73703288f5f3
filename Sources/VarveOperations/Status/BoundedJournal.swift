import VarveFormat
import VarveProof
import VarveRepository

/// This host's journal, its times bounded: it is in the order in which runs began, whatever the clock said then.
struct BoundedJournal: Sendable {
  /// Of a run whose clock was ahead.
  struct Ahead: Sendable, Equatable {
    let claimed: Timestamp
    /// Whether no later run shows when it was: it counts as now.
    let isUndated: Bool
  }

  /// In the journal's order. A run that has ended began no later than now, or than the next of the same name whose clock was
  /// right; one that has not says what it said.
  let records: [RunRecord]
  /// By their ids.
  let ahead: [String: Ahead]

  private struct Name: Hashable {
    let activity: RunRecord.Activity
    let name: String
  }

  init(_ journal: [RunRecord], now: Timestamp) {
    let window = TimeWindow(notAfter: now)
    var records = journal
    var ahead: [String: Ahead] = [:]
    var following: [Name: Timestamp] = [:]
    for place in records.indices.reversed() {
      let record = records[place]
      let name = Name(activity: record.activity, name: record.name)
      guard window.isAfter(record.started) else {
        following[name] = window.clamped(record.started)
        continue
      }
      let next = following[name]
      ahead[record.id] = Ahead(claimed: record.started, isUndated: next == nil)
      guard record.result != .started else { continue }
      let started = next ?? now
      records[place].started = started
      records[place].ended = record.ended.map {
        let lasted = max(0, $0.seconds - record.started.seconds)
        return Timestamp(seconds: started.seconds + lasted, offset: started.offset)
      }
    }
    self.records = records
    self.ahead = ahead
  }
}
