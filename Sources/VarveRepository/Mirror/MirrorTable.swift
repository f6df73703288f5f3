internal import VarveFormat

/// A content object of a repository that is mirrored.
struct MirrorObject {
  enum Kind: UInt8 {
    case credential, inventory, snapshot, index, pack

    /// Whether it is a pack or an index segment: of those the log says how long they are.
    var isLarge: Bool { self == .index || self == .pack }
  }

  enum Status: UInt8 {
    case absent
    /// The target has it, of the right size as far as that is known.
    case present
    /// The target has it with another size.
    case wrong
    /// Not wanted.
    case dead
  }

  static let unknownSize = UInt64.max

  let digest: Digest
  /// In bytes: by the log, or else as the source lists it.
  var size = Self.unknownSize
  let kind: Kind
  /// Whether the source may be without it.
  var isOptional = false
  var status = Status.absent

  var name: String {
    switch kind {
    case .credential: ObjectName.credential(digest)
    case .inventory: ObjectName.inventory(digest)
    case .snapshot: ObjectName.snapshot(digest)
    case .index: ObjectName.index(digest)
    case .pack: ObjectName.pack(digest)
    }
  }

  fileprivate func precedes(_ digest: Digest, _ kind: Kind) -> Bool {
    self.digest == digest ? self.kind.rawValue < kind.rawValue : self.digest < digest
  }
}

extension ObjectClass {
  /// What a mirror calls an object that is named by a digest.
  var mirrored: (kind: MirrorObject.Kind, digest: Digest)? {
    switch self {
    case .credential(let digest): (.credential, digest)
    case .inventory(let digest): (.inventory, digest)
    case .snapshot(let digest): (.snapshot, digest)
    case .index(let digest): (.index, digest)
    case .pack(let digest): (.pack, digest)
    case .config, .commit, .checkpoint, .tile: nil
    }
  }
}

/// Objects in the order of their digests. 48 bytes each: names are spelled only when they are used.
struct MirrorTable {
  private(set) var objects: [MirrorObject] = []

  /// Adds an object; `sort` must be called before anything is looked up.
  mutating func add(_ object: MirrorObject) { objects.append(object) }

  mutating func reserveCapacity(_ count: Int) { objects.reserveCapacity(count) }

  /// Brings what was added into order; of what was added twice, one stays. O(n log n).
  mutating func sort() {
    objects.sort { $0.precedes($1.digest, $1.kind) }
    var count = 0
    for place in objects.indices {
      let object = objects[place]
      if count > 0, objects[count - 1].digest == object.digest,
        objects[count - 1].kind == object.kind
      {
        continue
      }
      objects[count] = object
      count += 1
    }
    objects.removeSubrange(count...)
  }

  /// O(log n).
  func place(of digest: Digest, _ kind: MirrorObject.Kind) -> Int? {
    var low = 0
    var high = objects.count
    while low < high {
      let middle = (low + high) / 2
      if objects[middle].precedes(digest, kind) { low = middle + 1 } else { high = middle }
    }
    guard low < objects.count, objects[low].digest == digest, objects[low].kind == kind else {
      return nil
    }
    return low
  }

  subscript(place: Int) -> MirrorObject {
    get { objects[place] }
    _modify { yield &objects[place] }
  }
}
