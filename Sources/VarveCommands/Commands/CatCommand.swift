import ArgumentParser
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository
import VarveStorage

struct CatCommand: VarveSubcommand {
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case config, snapshot, tree, blob, index, pack, key, inventory, entry, checkpoint
  }

  static let configuration = CommandConfiguration(
    commandName: "cat",
    abstract: "Print an object of the repository, decrypted and verified.",
    usage: "varve cat [<options>] <type> [<id>]",
    discussion: """
      Objects:
        config             the repository's parameters and public keys
        snapshot ID        the record of a snapshot
        tree ID            a tree node; a snapshot with :path stands for the directory there
        blob ID            the bytes of a chunk
        index ID           an index segment: its packs and rows
        pack ID            the bytes of a pack, as stored
        key ID             a credential; its secrets are sealed
        inventory ID       the objects that a snapshot added
        entry N            a log entry, as signed
        checkpoint         the newest signed head of the log

      Ids may be cut short, except those of blobs and tree nodes. config, entry, checkpoint, key, pack and \
      inventory need no password.

      Examples:
        varve cat config
        varve cat snapshot latest
        varve cat tree latest:/etc
        varve cat entry 3
      """)

  @Argument(
    help: ArgumentHelp(
      "config, snapshot, tree, blob, index, pack, key, inventory, entry or checkpoint.",
      valueName: "type"))
  var kind: Kind

  @Argument(help: ArgumentHelp("Which one.", valueName: "id"))
  var id: RawArgument?

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    switch (kind, id) {
    case (.config, .some), (.checkpoint, .some):
      throw ValidationError("There is only one \(kind.rawValue); it has no id.")
    case (.config, nil), (.checkpoint, nil): break
    case (_, nil): throw ValidationError("Which \(kind.rawValue)? Give its id.")
    default: break
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    switch kind {
    case .config: try line(access.opened().config.text, console)
    case .checkpoint: try bytes(access.opened().storage.read(ObjectName.checkpoint), console)
    case .entry: try entry(access, console)
    case .key, .pack, .inventory: try stored(access, console)
    case .snapshot:
      let repository = try access.unlocked()
      let found = try SnapshotAccess(repository, filter, on: console).snapshot(
        named: id?.bytes ?? [])
      try bytes(found.record.encode() + [0x0a], console)
    case .index: try index(access, console)
    case .blob:
      let reader = try access.readable().makeReader()
      try reader.withChunk(try digest()) { try console.output.write($0) }
    case .tree: try tree(access, console)
    }
    return .success
  }

  private func line(_ text: String, _ console: Console) throws {
    try bytes(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), console)
  }

  private func bytes(_ bytes: [UInt8], _ console: Console) throws {
    try console.output.write(bytes)
  }

  private var text: String { String(decoding: id?.bytes ?? [], as: UTF8.self) }

  private func digest() throws -> Digest {
    guard let digest = Digest(hex: text) else {
      throw VarveError(.usage, "\"\(text)\" is not an id of 64 hexadecimal digits")
    }
    return digest
  }

  private func entry(_ access: RepositoryAccess, _ console: Console) throws {
    let log = try access.log()
    guard let number = UInt64(text), number < log.head.size else {
      throw VarveError(
        .notFound, "the log has no entry \(text)", hint: "it has \(log.head.size), counted from 0")
    }
    try log.forEachEntry(in: number..<number + 1) {
      try console.output.write($0.bytes + [0x0a])
    }
  }

  /// An object whose name is the digest of its bytes.
  private func stored(_ access: RepositoryAccess, _ console: Console) throws {
    let storage = try access.opened().storage
    let prefix =
      switch kind {
      case .key: ObjectName.credentialPrefix
      case .pack: ObjectName.packPrefix
      default: ObjectName.inventoryPrefix
      }
    let name = try objectName(below: prefix, in: storage)
    let object = try storage.read(name)
    guard SHA256.digest(object) == ObjectName.digest(of: name) else {
      throw VarveError(.damaged, "\(name) is damaged: its bytes do not have that digest")
    }
    try bytes(kind == .key ? object + [0x0a] : object, console)
  }

  private func objectName(below prefix: String, in storage: any StorageBackend) throws -> String {
    var names: [String] = []
    let wanted = text
    try storage.list(prefix) { name, _ in
      if let digest = ObjectName.digest(of: name), digest.hex.hasPrefix(wanted) {
        names.append(name)
      }
    }
    guard let name = names.first, !wanted.isEmpty else {
      throw VarveError(.notFound, "there is no \(kind.rawValue) \(wanted)")
    }
    guard names.count == 1 else {
      throw VarveError(
        .notFound, "\(wanted) begins the ids of \(names.count) objects", hint: "give more digits")
    }
    return name
  }

  private func index(_ access: RepositoryAccess, _ console: Console) throws {
    let repository = try access.readable()
    let name = try objectName(below: ObjectName.indexPrefix, in: repository.storage)
    guard let digest = ObjectName.digest(of: name) else { return }
    let segment = try repository.segment(digest)
    try IndexJSON(segment.view).print(on: console)
  }

  private func tree(_ access: RepositoryAccess, _ console: Console) throws {
    let repository = try access.readable()
    let reader = try repository.makeReader()
    let node: Digest
    if let digest = Digest(hex: text) {
      node = digest
    } else {
      let found = try SnapshotAccess(repository.unlocked, filter, on: console).snapshot(
        named: id?.bytes ?? [])
      node = try TreeLookup.directory(
        at: found.path, below: found.record.rootDirectory, from: reader
      ).id
    }
    try reader.withChunk(node) { try TreeNodeJSON.print($0, id: node, on: console) }
  }
}
