public import VarveCrypto
public import VarveFormat

/// What an entry's content commitment covers (docs/format.md, section 9.1).
public enum CommittedContent {
  /// The digest is that of the whole file; it is not looked at when the size is 0.
  case file(size: UInt64, digest: Digest)
  /// The root is the proof root of the directory itself.
  case directory(entryCount: UInt64, root: Digest)
  case link(target: UnsafeRawBufferPointer)
  case device(major: UInt32, minor: UInt32)
  /// A FIFO.
  case nothing
}

/// Computes the proof root of a directory: the RFC 6962 Merkle tree hash over the leaves of its
/// entries, each of which commits to name, metadata and content separately (docs/format.md, section
/// 9.1).
///
/// ```
/// E      = HMAC(proof key, "varve v1 entry" SHA-256(body))
/// salt_k = HMAC(E, u8(k))       C_k = HMAC(salt_k, field_k)      k = 1 name, 2 meta, 3 content
/// leaf   = 0x01 C_1 C_2 C_3     or, of a directory, 0x02 C_1 C_2 u64(entry count) root
/// ```
///
/// An entry takes seven HMACs, three digests and on average one node hash, all on the stack: no
/// allocation once the frontier has grown. Belongs to one thread.
public struct ProofRootBuilder {
  private let proofKey: HMACSHA256
  private var frontier = MerkleFrontier()

  public init(proofKey: HMACSHA256) { self.proofKey = proofKey }

  public init(proofKey: borrowing SecretBytes) { self.proofKey = HMACSHA256(key: proofKey) }

  /// Entries so far.
  public var count: UInt64 { frontier.size }

  /// Over the entries so far; of none, the empty tree's root.
  public var root: Digest { frontier.root }

  /// Starts the next directory; keeps the storage.
  public mutating func removeAll() { frontier.removeAll() }

  /// Adds the next entry in the order of the directory.
  ///
  /// - Parameters:
  ///   - body: the entry's whole body as encoded, of which `name` (without its length) and `meta`
  ///     are parts.
  public mutating func add(
    body: UnsafeRawBufferPointer, name: UnsafeRawBufferPointer, meta: UnsafeRawBufferPointer,
    content: CommittedContent
  ) {
    frontier.append(
      leafHash: EntryCommitment(proofKey: proofKey, body: body)
        .leafHash(name: name, meta: meta, content: content))
  }
}

/// The salts and commitments of one entry.
public struct EntryCommitment {
  private let entryKey: HMACSHA256

  public init(proofKey: HMACSHA256, body: UnsafeRawBufferPointer) {
    entryKey = HMACSHA256(key: proofKey.authenticate("varve v1 entry", SHA256.digest(body)))
  }

  /// The salt of field `k`: 1 name, 2 metadata, 3 content.
  public func salt(_ field: UInt8) -> Digest { entryKey.authenticate(byte: field) }

  /// The commitment to a field under its salt.
  public static func commitment(salt: Digest, field: UnsafeRawBufferPointer) -> Digest {
    HMACSHA256(key: salt).authenticate(field)
  }

  /// The RFC 6962 hash of the entry's leaf.
  public func leafHash(
    name: UnsafeRawBufferPointer, meta: UnsafeRawBufferPointer, content: CommittedContent
  ) -> Digest {
    withUnsafeTemporaryAllocation(byteCount: 105, alignment: 8) { leaf in
      let start = leaf.baseAddress!
      Self.commitment(salt: salt(1), field: name).store(to: start + 1)
      Self.commitment(salt: salt(2), field: meta).store(to: start + 33)
      let count: Int
      if case .directory(let entryCount, let root) = content {
        start.storeBytes(of: 2, as: UInt8.self)
        (start + 65).storeBytes(of: entryCount.littleEndian, as: UInt64.self)
        root.store(to: start + 73)
        count = 105
      } else {
        start.storeBytes(of: 1, as: UInt8.self)
        contentCommitment(content).store(to: start + 65)
        count = 97
      }
      return MerkleHash.leaf(UnsafeRawBufferPointer(start: start, count: count))
    }
  }

  private func contentCommitment(_ content: CommittedContent) -> Digest {
    let salt = salt(3)
    return withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { field in
      let start = field.baseAddress!
      switch content {
      case .file(let size, let digest):
        start.storeBytes(of: size.littleEndian, as: UInt64.self)
        (size == 0 ? Digest.zero : digest).store(to: start + 8)
        return Self.commitment(salt: salt, field: UnsafeRawBufferPointer(field))
      case .device(let major, let minor):
        start.storeBytes(of: major.littleEndian, as: UInt32.self)
        (start + 4).storeBytes(of: minor.littleEndian, as: UInt32.self)
        return Self.commitment(salt: salt, field: UnsafeRawBufferPointer(start: start, count: 8))
      case .link(let target):
        return Self.commitment(salt: salt, field: target)
      case .nothing, .directory:
        return Self.commitment(salt: salt, field: UnsafeRawBufferPointer(start: nil, count: 0))
      }
    }
  }
}
