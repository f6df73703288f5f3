/// Typed access to the members of an object. Each throws `VarveError.Code.damaged`, naming the
/// member, when the value is not an object, the member is absent or has another type.
extension JSONValue {
  /// The member, or nil when it is absent.
  public func optional(_ key: String) throws -> JSONValue? {
    guard case .object(let members) = self else {
      throw VarveError(.damaged, "a JSON object is expected where \"\(key)\" is looked up")
    }
    return members[key]
  }

  public func member(_ key: String) throws -> JSONValue {
    guard let value = try optional(key) else {
      throw VarveError(.damaged, "the JSON member \"\(key)\" is missing")
    }
    return value
  }

  public func string(_ key: String) throws -> String {
    guard case .string(let value) = try member(key) else { throw wrongType(key, "a string") }
    return value
  }

  public func optionalString(_ key: String) throws -> String? {
    try optional(key) == nil ? nil : string(key)
  }

  public func bool(_ key: String) throws -> Bool {
    guard case .bool(let value) = try member(key) else { throw wrongType(key, "true or false") }
    return value
  }

  public func integer(_ key: String) throws -> Int64 {
    guard case .integer(let value) = try member(key) else { throw wrongType(key, "an integer") }
    return value
  }

  public func optionalInteger(_ key: String) throws -> Int64? {
    try optional(key) == nil ? nil : integer(key)
  }

  /// An integer that is not negative.
  public func count(_ key: String) throws -> UInt64 {
    guard let value = UInt64(exactly: try integer(key)) else {
      throw wrongType(key, "a count")
    }
    return value
  }

  /// A digest in lower-case hexadecimal.
  public func digest(_ key: String) throws -> Digest {
    guard let value = Digest(hex: try string(key)) else { throw wrongType(key, "a digest") }
    return value
  }

  public func optionalDigest(_ key: String) throws -> Digest? {
    try optional(key) == nil ? nil : digest(key)
  }

  /// A moment as `Timestamp.utcSeconds` writes it: RFC 3339, UTC, whole seconds.
  public func utcTime(_ key: String) throws -> Timestamp {
    let text = try string(key)
    guard let value = Timestamp(text), value.utcSeconds == text else {
      throw wrongType(key, "a time in UTC")
    }
    return value
  }

  /// A moment as `Timestamp.zonedSeconds` writes it, or nil when it is absent.
  public func optionalZonedTime(_ key: String) throws -> Timestamp? {
    guard let text = try optionalString(key) else { return nil }
    guard let value = Timestamp(text), value.zonedSeconds == text else {
      throw wrongType(key, "a time")
    }
    return value
  }

  /// Bytes in base64; with `byteCount`, exactly so many.
  public func base64(_ key: String, byteCount: Int? = nil) throws -> [UInt8] {
    guard let value = Base64.decode(try string(key)), byteCount == nil || value.count == byteCount
    else { throw wrongType(key, byteCount.map { "\($0) bytes in base64" } ?? "base64") }
    return value
  }

  /// A byte string: text in the notation of `EscapedBytes`.
  public func escapedBytes(_ key: String) throws -> [UInt8] {
    guard let value = EscapedBytes.bytes(try string(key)) else {
      throw wrongType(key, "a byte string")
    }
    return value
  }

  public func array(_ key: String) throws -> [JSONValue] {
    guard case .array(let value) = try member(key) else { throw wrongType(key, "a list") }
    return value
  }

  public func strings(_ key: String) throws -> [String] {
    try array(key).map {
      guard case .string(let value) = $0 else { throw wrongType(key, "a list of strings") }
      return value
    }
  }

  public func digests(_ key: String) throws -> [Digest] {
    try strings(key).map {
      guard let value = Digest(hex: $0) else { throw wrongType(key, "a list of digests") }
      return value
    }
  }

  public func escapedByteStrings(_ key: String) throws -> [[UInt8]] {
    try strings(key).map {
      guard let value = EscapedBytes.bytes($0) else {
        throw wrongType(key, "a list of byte strings")
      }
      return value
    }
  }

  /// The members of the object under `key`.
  public func object(_ key: String) throws -> [String: JSONValue] {
    guard case .object(let value) = try member(key) else { throw wrongType(key, "an object") }
    return value
  }

  /// Refuses members that this version of the format does not have.
  ///
  /// - Throws: `VarveError.Code.unsupportedFormat` for an unknown member, since a newer program
  ///   may have meant something by it; `.damaged` when the value is not an object.
  public func requireMembers(within known: Set<String>, _ what: String) throws {
    guard case .object(let members) = self else {
      throw VarveError(.damaged, "\(what) is damaged: it is not a JSON object")
    }
    if let unknown = members.keys.filter({ !known.contains($0) }).min() {
      throw VarveError(
        .unsupportedFormat, "\(what) has a member \"\(unknown)\" that this version does not know",
        hint: "use a newer version of varve")
    }
  }

  private func wrongType(_ key: String, _ expected: String) -> VarveError {
    VarveError(.damaged, "the JSON member \"\(key)\" is not \(expected)")
  }
}
