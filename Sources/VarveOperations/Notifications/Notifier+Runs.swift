extension Notifier {
  /// What came of a run in one repository, and the record of the same name before it.
  public struct Part: Sendable {
    public var record: RunRecord
    public var previous: RunRecord?

    public init(record: RunRecord, previous: RunRecord?) {
      self.record = record
      self.previous = previous
    }

    /// Whether it succeeded and the one before it did not.
    var isRecovery: Bool {
      record.result == .success && previous.map { $0.result != .success } ?? false
    }
  }

  /// Tells of a run into several repositories, or of maintenance of several kinds: pings once, by the worst of its records,
  /// since each ping takes back the one before; all others of each.
  ///
  /// - Parameter event: nil for what the records' results say.
  /// - Returns: as of one.
  public func send(_ event: NotificationTarget.Event? = nil, aboutAll parts: [Part]) -> [String] {
    parts.flatMap { send(event, aboutPart: $0) } + ping(event, aboutAll: parts)
  }

  /// To all but pings.
  func send(_ event: NotificationTarget.Event? = nil, aboutPart part: Part) -> [String] {
    send(
      event ?? NotificationTarget.Event(part.record.result), part, beside: [],
      to: targets.filter { !$0.isPing })
  }

  func ping(_ event: NotificationTarget.Event? = nil, aboutAll parts: [Part]) -> [String] {
    func rank(_ part: Part) -> (Int, Int) { (part.record.result.rank, part.isRecovery ? 1 : 0) }
    guard let worst = parts.indices.max(by: { rank(parts[$0]) < rank(parts[$1]) }) else {
      return []
    }
    let others = parts.indices.filter { $0 != worst }.map { parts[$0].record }
    return send(
      event ?? NotificationTarget.Event(parts[worst].record.result), parts[worst],
      beside: others, to: targets.filter(\.isPing))
  }
}

extension NotificationTarget {
  var isPing: Bool { if case .ping = means { true } else { false } }
}

extension NotificationTarget.Event {
  init(_ result: RunRecord.Result) {
    self =
      switch result {
      case .started: .start
      case .success: .success
      case .incomplete: .incomplete
      case .failure: .failure
      }
  }
}
