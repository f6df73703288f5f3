package import VarveCrypto
package import VarveFormat
package import VarveStorage

/// The content keys of packs that are being read, opened once each (about 0.1 ms of X25519) and
/// shared by all threads, of which one reads a header and the others wait for it. Bounded: 32 bytes and a name for each of
/// at most 4,096 packs.
package final class PackKeyring: @unchecked Sendable {
  private final class Entry: Sendable {
    let version: PackVersion
    let type: PackType
    let key: SecretBytes
    init(_ header: PackHeader, key: consuming SecretBytes) {
      version = header.version
      type = header.type
      self.key = key
    }
  }

  private static let limit = 4_096

  private let storage: any StorageBackend
  private let trees: any StorageBackend
  private let repository: Digest
  private let privateKey: SecretBytes
  private let condition = Condition()
  /// Guarded by `condition`, as is what follows.
  private var entries: [Digest: Entry] = [:]
  private var underWay: Set<Digest> = []

  /// - Parameters:
  ///   - trees: where tree packs are read, if not where the others are.
  ///   - privateKey: the repository's data key.
  package init(
    storage: any StorageBackend, trees: (any StorageBackend)? = nil, repository: Digest,
    privateKey: consuming SecretBytes
  ) {
    self.storage = storage
    self.trees = trees ?? storage
    self.repository = repository
    self.privateKey = privateKey
  }

  /// A cipher for the blocks of `pack`, whose header is read from storage when it is new here.
  ///
  /// - Throws: `.damaged` for a header that is not a pack's or not of this repository, `.missing`.
  package func cipher(pack: Digest, type: PackType) throws -> BlockCipher {
    let entry = try entry(of: pack, type)
    return try BlockCipher(
      contentKey: entry.key, repository: repository, type: type, version: entry.version)
  }

  /// The keys of single blocks of `pack`; nil for a pack all of whose blocks have one.
  ///
  /// - Throws: as `cipher(pack:type:)`.
  package func blockKeys(pack: Digest, type: PackType) throws -> BlockKeys? {
    let entry = try entry(of: pack, type)
    switch entry.version {
    case .oneKey: return nil
    case .blockKeys: return BlockKeys(contentKey: entry.key, repository: repository)
    }
  }

  private func entry(of pack: Digest, _ type: PackType) throws -> Entry {
    let entry = try known(pack) ?? fetch(pack, type)
    guard entry.type == type else {
      throw VarveError(.damaged, "\(ObjectName.pack(pack)) is not of the type that the index says")
    }
    return entry
  }

  /// Nil for the one thread that is to read the header.
  private func known(_ pack: Digest) -> Entry? {
    condition.locked {
      while true {
        if let entry = entries[pack] { return entry }
        if underWay.insert(pack).inserted { return nil }
        condition.wait()
      }
    }
  }

  private func fetch(_ pack: Digest, _ type: PackType) throws -> Entry {
    var entry: Entry?
    defer {
      condition.locked {
        underWay.remove(pack)
        if let entry {
          if entries.count >= Self.limit { entries.removeAll(keepingCapacity: true) }
          entries[pack] = entry
        }
        condition.broadcast()
      }
    }
    let name = ObjectName.pack(pack)
    let bytes = try [UInt8](unsafeUninitializedCapacity: PackHeader.byteCount) { buffer, count in
      try (type == .tree ? trees : storage).read(
        name, offset: 0, into: UnsafeMutableRawBufferPointer(buffer))
      count = PackHeader.byteCount
    }
    let opened = try open(header: bytes, name: name)
    entry = opened
    return opened
  }

  /// A cipher for a pack whose bytes are at hand, without touching storage.
  package func cipher(header bytes: [UInt8], name: String) throws -> (PackType, BlockCipher) {
    let entry = try open(header: bytes, name: name)
    return (
      entry.type,
      try BlockCipher(
        contentKey: entry.key, repository: repository, type: entry.type, version: entry.version)
    )
  }

  private func open(header bytes: [UInt8], name: String) throws -> Entry {
    do {
      let header = try bytes.withUnsafeBytes { try PackHeader(decoding: $0) }
      let key = try header.openContentKey(privateKey: privateKey, repository: repository)
      return Entry(header, key: key)
    } catch {
      throw VarveError(.damaged, "\(name) has a damaged header", cause: error)
    }
  }
}
