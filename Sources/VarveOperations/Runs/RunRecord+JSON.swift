import VarveFormat

/// Runs as the journal keeps them.
extension RunRecord {
  var json: JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(id), "activity": .string(activity.rawValue), "name": .string(name),
      "repository": .string(repository), "started": .string(started.precise),
      "result": .string(result.rawValue),
    ]
    members["detail"] = detail.map(JSONValue.string)
    members["ended"] = ended.map { .string($0.precise) }
    members["message"] = message.map(JSONValue.string)
    members["notice"] = notice.map(JSONValue.string)
    if isInterrupted { members["interrupted"] = .bool(true) }
    if !sources.isEmpty { members["sources"] = .array(sources.map(\.json)) }
    return .object(members)
  }

  /// Members that are not known are passed over: a newer program may have written them.
  init(json: JSONValue) throws {
    guard let activity = Activity(rawValue: try json.string("activity")),
      let result = Result(rawValue: try json.string("result")),
      let started = Timestamp(try json.string("started"))
    else { throw VarveError(.damaged, "the record of a run is damaged") }
    self.init(
      id: try json.string("id"), activity: activity, name: try json.string("name"),
      repository: try json.string("repository"), started: started, result: result)
    detail = try json.optionalString("detail")
    ended = try json.optionalString("ended").flatMap(Timestamp.init)
    message = try json.optionalString("message")
    notice = try json.optionalString("notice")
    isInterrupted = try json.optional("interrupted") == .bool(true)
    if try json.optional("sources") != nil {
      sources = try json.array("sources").map(SourceOutcome.init(json:))
    }
  }
}

extension SourceOutcome {
  private static var counts: [(String, WritableKeyPath<SourceOutcome, Int64>)] {
    [
      ("files", \.files), ("files_new", \.filesNew), ("files_changed", \.filesChanged),
      ("files_removed", \.filesRemoved), ("bytes", \.bytes), ("bytes_added", \.bytesAdded),
      ("bytes_stored", \.bytesStored), ("files_missing", \.filesMissing),
      ("bytes_missing", \.bytesMissing),
    ]
  }

  var json: JSONValue {
    var members: [String: JSONValue] = [
      "source": .string(source), "result": .string(result.rawValue),
    ]
    members["snapshot"] = snapshot.map { .string($0.hex) }
    members["message"] = message.map(JSONValue.string)
    members["notice"] = notice.map(JSONValue.string)
    members["alarm"] = alarm.map(JSONValue.string)
    for (name, path) in Self.counts where self[keyPath: path] != 0 {
      members[name] = .integer(min(self[keyPath: path], JSONValue.integerLimit))
    }
    return .object(members)
  }

  init(json: JSONValue) throws {
    guard let result = RunRecord.Result(rawValue: try json.string("result")) else {
      throw VarveError(.damaged, "the record of a source is damaged")
    }
    self.init(source: try json.string("source"), result: result)
    snapshot = try json.optionalDigest("snapshot")
    message = try json.optionalString("message")
    notice = try json.optionalString("notice")
    alarm = try json.optionalString("alarm")
    for (name, path) in Self.counts {
      self[keyPath: path] = try json.optionalInteger(name) ?? 0
    }
  }
}
