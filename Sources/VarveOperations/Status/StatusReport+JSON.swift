public import VarveFormat

extension StatusReport {
  /// As `varve status --json` and the service give it (docs/json.md, "status").
  public var json: JSONValue {
    .object([
      "message_type": .string("status"), "time": .string(time.utcSeconds),
      "ok": .bool(isGood), "sources": .array(sources.map { $0.json(at: time) }),
      "repositories": .array(repositories.map(\.json)), "drills": .array(drills.map(\.json)),
    ])
  }
}

extension SourceStatus {
  /// - Parameter now: what its age refers to.
  public func json(at now: Timestamp) -> JSONValue {
    var members: [String: JSONValue] = [
      "source": .string(source), "repository": .string(repository), "state": .string(state),
      "ok": .bool(level < .bad), "evidence": .string(evidence.rawValue),
      "problems": .array(problems.map(\.json)),
    ]
    members["profile"] = profile.map { .string($0) }
    members["newest"] = newest.json
    members["age"] = age(at: now).json
    members["max_age"] = maximumAge.json
    members["snapshot"] = snapshot.map { .string($0.hex) }
    members["snapshots"] = snapshotCount.map { .integer(Int64($0)) }
    members["files"] = files.json
    members["bytes"] = bytes.json
    members["last_run"] = lastRun.json
    members["last_result"] = lastResult.map { .string($0.rawValue) }
    members["running_since"] = runningSince.json
    return .object(members)
  }
}

extension RepositoryStatus {
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(name), "state": .string(state), "ok": .bool(level < .bad),
      "problems": .array(problems.map(\.json)),
    ]
    members["log_size"] = logSize.map { .integer(Int64(clamping: $0)) }
    members["snapshots"] = snapshotCount.map { .integer(Int64($0)) }
    members["stored_bytes"] = storedBytes.map { .integer(Int64(clamping: $0)) }
    members["verified"] = verified.json
    members["max_unverified_age"] = maximumUnverifiedAge.json
    members["witnessed"] = witnessed.json
    members["read"] = read.json
    return .object(members)
  }
}

extension DrillStatus {
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "profile": .string(profile), "drill": .string(drill), "state": .string(state),
      "ok": .bool(level < .bad), "problems": .array(problems.map(\.json)),
    ]
    members["last_run"] = lastRun.json
    members["passed"] = passed.map { .bool($0) }
    members["seconds"] = seconds.json
    members["rpo"] = recoveryPoint.json
    members["rto_target"] = recoveryTimeTarget.json
    members["rpo_target"] = recoveryPointTarget.json
    members["due"] = due.json
    members["running_since"] = runningSince.json
    return .object(members)
  }
}

extension StatusProblem {
  fileprivate var json: JSONValue {
    .object([
      "kind": .string(kind.rawValue), "message": .string(message),
      "level": .string(kind.level == .bad ? "bad" : "warning"),
    ])
  }
}

extension Timestamp? {
  fileprivate var json: JSONValue? { map { .string($0.utcSeconds) } }
}

extension Int64? {
  fileprivate var json: JSONValue? { map { .integer($0) } }
}
