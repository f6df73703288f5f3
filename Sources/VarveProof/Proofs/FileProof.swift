public import VarveFormat

/// Shows that a snapshot has files of certain sizes and digests, and as much more as who made it wanted to tell
/// (docs/format.md, section 15).
///
/// It leads from the fields of a file up the proof roots of the directories to the tree of the snapshot, from there to the
/// snapshot's entry in the log, and on to a checkpoint. Every field that is not opened stays behind a salted commitment:
/// of siblings and of other directories only hashes show, how many entries a directory has, and at which place among them
/// the next level lies.
///
/// Nothing of it is to be believed before `verify`. A level takes about 300 bytes and 67 for each doubling of the directory.
public struct FileProof: Equatable, Sendable {
  /// A field of an entry, or what commits to it.
  public enum Field: Equatable, Sendable {
    case hidden(Digest)
    case opened(salt: Digest, value: [UInt8])
  }

  /// An entry's place in its directory, with what the leaves of all entries have.
  public struct Place: Equatable, Sendable {
    /// Among the directory's entries, from 0.
    public var index: UInt64
    public var name: Field
    /// Only a file's is ever opened.
    public var metadata: Field
    /// The audit path of the entry's leaf, leaf to root.
    public var path: [Digest]

    public init(index: UInt64, name: Field, metadata: Field, path: [Digest]) {
      self.index = index
      self.name = name
      self.metadata = metadata
      self.path = path
    }
  }

  /// A directory on the way to a file.
  public struct Directory: Equatable, Sendable {
    public var place: Place
    public var entryCount: UInt64
    public var root: Digest

    public init(place: Place, entryCount: UInt64, root: Digest) {
      self.place = place
      self.entryCount = entryCount
      self.root = root
    }
  }

  public struct File: Equatable, Sendable {
    /// From the root's entry down; none for a file in the root directory.
    public var directories: [Directory]
    public var place: Place
    /// With it the commitment to size and digest is opened.
    public var salt: Digest
    public var size: UInt64
    /// SHA-256 of the content; zero when the size is 0.
    public var digest: Digest
    /// Where the content lies, and what opens it, where that is released, too.
    public var content: ReleasedContent?

    public init(
      directories: [Directory], place: Place, salt: Digest, size: UInt64, digest: Digest,
      content: ReleasedContent? = nil
    ) {
      self.directories = directories
      self.place = place
      self.salt = salt
      self.size = size
      self.digest = digest
      self.content = content
    }
  }

  /// What opens the commitment to the tree in the snapshot's entry.
  public struct Tree: Equatable, Sendable {
    public var salt: Digest
    /// Of the root directory.
    public var entryCount: UInt64
    public var root: Digest

    public init(salt: Digest, entryCount: UInt64, root: Digest) {
      self.salt = salt
      self.entryCount = entryCount
      self.root = root
    }
  }

  /// The most files in a proof.
  public static let fileLimit = 4_096
  /// The longest proof, in bytes.
  public static let largestByteCount = 64 << 20

  /// The snapshot's entry.
  public var entry: DSSEEnvelope
  /// The key that signed it.
  public var authorKey: [UInt8]
  public var log: LogProof
  public var tree: Tree
  public var files: [File]

  public init(
    entry: DSSEEnvelope, authorKey: [UInt8], log: LogProof, tree: Tree, files: [File]
  ) {
    self.entry = entry
    self.authorKey = authorKey
    self.log = log
    self.tree = tree
    self.files = files
  }
}

/// Where the content of a file lies in a repository, and the keys of the blocks in which it does: enough to fetch, decrypt
/// and compare it, for whoever can read the repository's objects.
///
/// A key opens its block and no other. What else is in that block is opened, too.
public struct ReleasedContent: Equatable, Sendable {
  public struct Block: Equatable, Sendable {
    public var pack: Digest
    public var ordinal: UInt32
    /// Of the sealed block in the pack.
    public var offset: UInt32
    public var length: UInt32
    /// 32 bytes.
    public var key: [UInt8]

    public init(pack: Digest, ordinal: UInt32, offset: UInt32, length: UInt32, key: [UInt8]) {
      self.pack = pack
      self.ordinal = ordinal
      self.offset = offset
      self.length = length
      self.key = key
    }
  }

  public struct Chunk: Equatable, Sendable {
    /// Among the blocks, from 0.
    public var block: Int
    /// In the block's payload.
    public var offset: UInt32
    public var length: UInt32
    public var digest: Digest

    public init(block: Int, offset: UInt32, length: UInt32, digest: Digest) {
      self.block = block
      self.offset = offset
      self.length = length
      self.digest = digest
    }
  }

  /// In the order in which chunks first use them.
  public var blocks: [Block]
  /// In the order of the file.
  public var chunks: [Chunk]
  /// Between the chunks; ascending.
  public var holes: [Hole]

  public init(blocks: [Block], chunks: [Chunk], holes: [Hole]) {
    self.blocks = blocks
    self.chunks = chunks
    self.holes = holes
  }
}
