package import VarveCrypto
public import VarveFormat
internal import VarveProof

/// The names under which log entries know sources and tags (docs/format.md, section 4): whoever has no key
/// sees which snapshots have the same, and nothing else.
public struct OpaqueIDs: Sendable {
  private let sourceKey, tagKey, drillKey: HMACSHA256

  package init(indexKey: borrowing SecretBytes, repository: Digest) {
    func key(_ label: String, _ indexKey: borrowing SecretBytes) -> HMACSHA256 {
      HMACSHA256(
        key: HKDF.derive(
          ikm: indexKey, salt: repository.bytes, info: Array("varve v1 \(label)".utf8), count: 32))
    }
    sourceKey = key("source key", indexKey)
    tagKey = key("tag key", indexKey)
    drillKey = key("drill key", indexKey)
  }

  /// `HMAC(source key, {"host":…,"paths":[…]})`, canonical JSON of byte strings, the paths ascending and each
  /// once.
  public func source(host: [UInt8], paths: [[UInt8]]) -> Digest {
    let paths = Set(paths).sorted { $0.lexicographicallyPrecedes($1) }
    let json: JSONValue = [
      "host": .string(EscapedBytes.text(host)),
      "paths": .array(paths.map { .string(EscapedBytes.text($0)) }),
    ]
    return sourceKey.authenticate(json.canonicalBytes())
  }

  /// `HMAC(tag key, tag)`.
  public func tag(_ tag: String) -> Digest { tagKey.authenticate(Array(tag.utf8)) }

  /// `HMAC(drill key, {"drill":…,"host":…,"profile":…})`, canonical JSON.
  ///
  /// - Parameter host: whose snapshots are restored.
  public func drill(_ name: String, ofProfile profile: String, host: [UInt8]) -> Digest {
    let json: JSONValue = [
      "drill": .string(name), "host": .string(EscapedBytes.text(host)), "profile": .string(profile),
    ]
    return drillKey.authenticate(json.canonicalBytes())
  }
}

extension RepositoryKeys {
  /// Every role has what names sources and tags.
  public func opaqueIDs() throws -> OpaqueIDs {
    OpaqueIDs(indexKey: try indexKey(), repository: repository)
  }
}

extension LogStatement.SnapshotAddition {
  /// The entry for a record that is stored as `snapshot`.
  ///
  /// - Parameter original: a snapshot of the same tree, whose change caches hold for this one; unlike the record's own
  ///   `original`, which may have had more.
  /// - Throws: `.usage` when there are too many tags for an entry.
  public init(
    snapshot: Digest, record: SnapshotRecord, additions: ObjectList, parent: Digest?,
    original: Digest?, ids: OpaqueIDs
  ) throws {
    try Self.requireFewTags(record.tags)
    self.init(
      snapshot: snapshot, additions: additions, parent: parent, original: original,
      source: ids.source(host: record.host, paths: record.paths), tags: record.tags.map(ids.tag),
      isPartial: record.isPartial, tree: record.treeCommitment, taken: record.time)
  }

  /// - Throws: `.usage` when there are too many tags for an entry.
  public static func requireFewTags(_ tags: [String]) throws {
    guard Set(tags).count <= tagLimit else {
      throw VarveError(.usage, "a snapshot can have at most \(tagLimit) tags")
    }
  }
}

extension SnapshotRecord {
  /// What the log entry says of the tree; nil for a record that has no salt for it.
  public var treeCommitment: Digest? {
    treeSalt.map { TreeCommitment.digest(salt: $0, entries: tree.entries, root: tree.root) }
  }
}
