// Rows of the stored fold (StoredFold.swift) whose length varies, or that are few:
//
//     author       := key-id:2*u64 public-key:32 bytes role:u8 flags:u8 added:u64 credential:digest
//                     removed:u64 newest:u64                 (flags: 1 credential, 2 removed, 4 newest)
//     check        := origin started:s64 damaged:u8 scope:text count:uvarint (name:text svarint)*
//                     count:uvarint name:text*
//     hold         := snapshot:digest origin term:u8 until:s64 reason:text   (term: 0 until, 1 released,
//                                                                             2 permanent)
//     policy       := own:u8 [source:digest] origin keep:text                (canonical JSON)
//     condemnation := origin status:u8 by:u64 objects                        (status: 0 condemned,
//                                                                             1 rescinded, 2 swept)
//     loss         := origin objects
//     repack       := origin reason:u8
//     receipt      := origin receipt:text                                    (canonical JSON)
//     proposal     := origin carried-out:u64 (the entry and one, or 0) count:uvarint key-id* proposal:text
//                                                                                (canonical JSON)
//     attestation  := origin kind:u8 size:u64                               (kind: 0 cosign, 1 anchor)
//     objects      := u8(0) count:uvarint (name:text size:u64)*  |  u8(1) inventory:digest
//     origin       := entry:u64 author:2*u64 time:s64
//     text         := length:uvarint, UTF-8

import VarveFormat

private let hasCredential: UInt8 = 1
private let isRemoved: UInt8 = 2
private let hasNewest: UInt8 = 4

extension ByteWriter {
  fileprivate mutating func keyID(_ key: KeyID) {
    u64(key.words.0)
    u64(key.words.1)
  }

  fileprivate mutating func text(_ text: String) { lengthPrefixed(Array(text.utf8)) }

  mutating func origin(_ entry: UInt64, _ author: KeyID, _ time: Timestamp) {
    u64(entry)
    keyID(author)
    u64(UInt64(bitPattern: time.seconds))
  }

  fileprivate mutating func objects(_ list: ObjectList) {
    switch list {
    case .listed(let objects):
      u8(0)
      uvarint(objects.count)
      for object in objects {
        text(object.name)
        u64(object.size)
      }
    case .inventory(let digest):
      u8(1)
      self.digest(digest)
    }
  }
}

extension ByteReader {
  fileprivate mutating func keyID() throws -> KeyID { KeyID(words: try u64(), try u64()) }

  fileprivate mutating func text() throws -> String {
    String(decoding: try lengthPrefixed(limit: LogEntry.largestByteCount), as: UTF8.self)
  }

  fileprivate mutating func time() throws -> Timestamp {
    Timestamp(seconds: Int64(bitPattern: try u64()))
  }

  fileprivate mutating func origin() throws -> (entry: UInt64, author: KeyID, time: Timestamp) {
    (try u64(), try keyID(), try time())
  }

  fileprivate mutating func objects() throws -> ObjectList {
    switch try u8() {
    case 0:
      var objects: [ObjectReference] = []
      for _ in 0..<(try count(limit: ObjectList.listLimit)) {
        objects.append(ObjectReference(name: try text(), size: try u64()))
      }
      return .listed(objects)
    case 1: return .inventory(try digest())
    default: throw fail("no such list of objects")
    }
  }
}

extension LogState.Author {
  func write(to writer: inout ByteWriter) {
    writer.keyID(keyID)
    writer.raw(publicKey)
    writer.u8(UInt8(truncatingIfNeeded: Role.allCases.firstIndex(of: role) ?? 0))
    writer.u8(
      (credential == nil ? 0 : hasCredential) | (removed == nil ? 0 : isRemoved)
        | (newestEntry == nil ? 0 : hasNewest))
    writer.u64(added)
    writer.digest(credential ?? .zero)
    writer.u64(removed ?? 0)
    writer.u64(newestEntry ?? 0)
  }

  init(_ reader: inout ByteReader) throws {
    let keyID = try reader.keyID()
    let publicKey = Array(try reader.slice(32))
    let role = Int(try reader.u8())
    let flags = try reader.u8()
    guard Role.allCases.indices.contains(role) else { throw reader.fail("no such role") }
    let added = try reader.u64()
    let credential = try reader.digest()
    let removed = try reader.u64()
    let newest = try reader.u64()
    self.init(
      keyID: keyID, publicKey: publicKey, role: Role.allCases[role],
      credential: flags & hasCredential == 0 ? nil : credential, added: added,
      removed: flags & isRemoved == 0 ? nil : removed,
      newestEntry: flags & hasNewest == 0 ? nil : newest)
  }
}

extension LogState.Check {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    writer.u64(UInt64(bitPattern: result.started.seconds))
    writer.u8(result.isDamaged ? 1 : 0)
    writer.text(result.scope)
    writer.uvarint(result.counts.count)
    for (name, count) in result.counts.sorted(by: { $0.key < $1.key }) {
      writer.text(name)
      writer.svarint(count)
    }
    writer.uvarint(result.damaged.count)
    for name in result.damaged { writer.text(name) }
  }

  init(_ reader: inout ByteReader) throws {
    let origin = try reader.origin()
    let started = try reader.time()
    let isDamaged = try reader.u8() == 1
    let limit = LogEntry.largestByteCount
    let scope = try reader.text()
    var counts: [String: Int64] = [:]
    for _ in 0..<(try reader.count(limit: limit)) {
      counts[try reader.text()] = try reader.svarint()
    }
    var damaged: [String] = []
    for _ in 0..<(try reader.count(limit: limit)) { damaged.append(try reader.text()) }
    self.init(
      entry: origin.entry, author: origin.author, time: origin.time,
      result: LogStatement.CheckResult(
        isDamaged: isDamaged, scope: scope, counts: counts, damaged: damaged, started: started))
  }
}

extension LogState.Hold {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    switch term {
    case .until(let end):
      writer.u8(0)
      writer.u64(UInt64(bitPattern: end.seconds))
    case .released:
      writer.u8(1)
      writer.u64(0)
    case .permanent:
      writer.u8(2)
      writer.u64(0)
    }
    writer.text(reason)
  }

  init(_ reader: inout ByteReader) throws {
    (entry, author, time) = try reader.origin()
    let kind = try reader.u8()
    let end = try reader.time()
    switch kind {
    case 0: term = .until(end)
    case 1: term = .released
    case 2: term = .permanent
    default: throw reader.fail("no such hold")
    }
    reason = try reader.text()
  }
}

extension LogState.Policy {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    writer.lengthPrefixed(keep.json.canonicalBytes())
  }

  init(_ reader: inout ByteReader) throws {
    (entry, author, time) = try reader.origin()
    let bytes = Array(try reader.lengthPrefixed(limit: LogEntry.largestByteCount))
    keep = try RetentionPolicy(try JSONValue(canonical: bytes, "policy"), "policy")
  }
}

extension LogState.Condemnation {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    switch status {
    case .condemned:
      writer.u8(0)
      writer.u64(0)
    case .rescinded(let by):
      writer.u8(1)
      writer.u64(by)
    case .swept(let by):
      writer.u8(2)
      writer.u64(by)
    }
    writer.objects(objects)
  }

  init(_ reader: inout ByteReader) throws {
    (entry, author, time) = try reader.origin()
    let kind = try reader.u8()
    let by = try reader.u64()
    switch kind {
    case 0: status = .condemned
    case 1: status = .rescinded(by: by)
    case 2: status = .swept(by: by)
    default: throw reader.fail("no such status")
    }
    objects = try reader.objects()
  }
}

extension LogState.Loss {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    writer.objects(objects)
  }

  init(_ reader: inout ByteReader) throws {
    (entry, author, time) = try reader.origin()
    objects = try reader.objects()
  }
}

extension LogState.Repack {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    let place = LogStatement.Repack.Reason.allCases.firstIndex(of: reason) ?? 0
    writer.u8(UInt8(truncatingIfNeeded: place))
  }

  init(_ reader: inout ByteReader) throws {
    (entry, author, time) = try reader.origin()
    let place = Int(try reader.u8())
    guard LogStatement.Repack.Reason.allCases.indices.contains(place) else {
      throw reader.fail("no such reason")
    }
    reason = LogStatement.Repack.Reason.allCases[place]
  }
}

extension LogState.Attestation {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    writer.u8(kind.rawValue)
    writer.u64(size)
  }

  init(_ reader: inout ByteReader) throws {
    (entry, author, time) = try reader.origin()
    guard let kind = Kind(rawValue: try reader.u8()) else { throw reader.fail("no such kind") }
    self.kind = kind
    size = try reader.u64()
  }
}

extension LogState.Receipt {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    writer.lengthPrefixed(JSONValue.object(receipt.members).canonicalBytes())
  }

  init(_ reader: inout ByteReader) throws {
    (entry, author, time) = try reader.origin()
    let bytes = Array(try reader.lengthPrefixed(limit: LogEntry.largestByteCount))
    receipt = try LogStatement.Receipt(try JSONValue(canonical: bytes, "receipt"))
  }
}

extension LogState.Proposal {
  func write(to writer: inout ByteWriter) {
    writer.origin(entry, author, time)
    writer.u64(carriedOut.map { $0 + 1 } ?? 0)
    writer.uvarint(approvals.count)
    for key in approvals { writer.keyID(key) }
    // Of one of the kinds that may be proposed, since it was read from a proposal.
    let members = (try? LogStatement.Proposal(action).members) ?? [:]
    writer.lengthPrefixed(JSONValue.object(members).canonicalBytes())
  }

  init(_ reader: inout ByteReader) throws {
    (entry, author, time) = try reader.origin()
    let by = try reader.u64()
    carriedOut = by == 0 ? nil : by - 1
    for _ in 0..<(try reader.count(limit: LogEntry.largestByteCount)) {
      approvals.append(try reader.keyID())
    }
    let bytes = Array(try reader.lengthPrefixed(limit: LogEntry.largestByteCount))
    action = try LogStatement.Proposal(try JSONValue(canonical: bytes, "proposal"), "proposal")
      .action
  }
}
