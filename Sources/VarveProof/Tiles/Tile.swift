public import VarveFormat

/// The coordinates of a C2SP tlog-tiles resource, `tile/<level>/<index>[.p/<width>]` or
/// `tile/entries/<index>[.p/<width>]`.
///
/// The index is written in groups of three digits, all but the last with `x` before them: 1234067
/// is `x001/x234/067`. Tile *n* of level *l* has the hashes of the subtrees of 256^l leaves from
/// number 256·n on; a full one has 256, a partial one fewer. A bundle of entries stands beside each
/// tile of level 0.
public struct Tile: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// Tiles of hashes at a level from 0 to 7; a tree of 2^64 leaves has no more.
    case hashes(level: Int)
    case entries
  }

  public static let fullWidth = 256

  public let kind: Kind
  public let index: UInt64
  /// Hashes or entries in the tile, 1 to 256.
  public let width: Int

  public init(_ kind: Kind, index: UInt64, width: Int = fullWidth) {
    self.kind = kind
    self.index = index
    self.width = width
  }

  public var isFull: Bool { width == Self.fullWidth }

  /// Whether a log of `size` entries has everything that the tile covers.
  public func isImplied(bySize size: UInt64) -> Bool {
    let shift: UInt64 = if case .hashes(let level) = kind { UInt64(8 * level) } else { 0 }
    let (start, overflow) = index.multipliedReportingOverflow(by: UInt64(Self.fullWidth))
    let complete = size >> shift
    return !overflow && start <= complete && complete - start >= UInt64(width)
  }

  /// Relative to the log's prefix.
  public var path: String {
    var text = ""
    var rest = index
    repeat {
      let group = String(rest % 1000)
      let digits = String(repeating: "0", count: 3 - group.utf8.count) + group
      text = text.isEmpty ? digits : "x\(digits)/\(text)"
      rest /= 1000
    } while rest > 0
    let suffix = isFull ? "" : ".p/\(width)"
    switch kind {
    case .hashes(let level): return "tile/\(level)/\(text)\(suffix)"
    case .entries: return "tile/entries/\(text)\(suffix)"
    }
  }

  /// The tile whose path is `path`, or nil for any other text.
  public init?(path: String) {
    var fields = path.split(separator: "/", omittingEmptySubsequences: false)[...]
    guard fields.popFirst() == "tile", let level = fields.popFirst() else { return nil }
    if level == "entries" {
      kind = .entries
    } else if let number = Int(level), (0...7).contains(number) {
      kind = .hashes(level: number)
    } else {
      return nil
    }
    var width = Self.fullWidth
    if fields.count >= 2, fields[fields.endIndex - 2].hasSuffix(".p") {
      guard let number = fields.popLast().flatMap({ Int($0) }),
        (1..<Self.fullWidth).contains(number)
      else { return nil }
      width = number
      if let last = fields.popLast() { fields.append(last.dropLast(2)) }
    }
    self.width = width
    var index: UInt64 = 0
    for field in fields {
      guard let group = UInt64(field.drop { $0 == "x" }), group < 1000 else { return nil }
      let (product, overflow) = index.multipliedReportingOverflow(by: 1000)
      guard !overflow, product <= UInt64.max - group else { return nil }
      index = product + group
    }
    self.index = index
    guard !fields.isEmpty, self.path == path else { return nil }
  }

  /// The tiles that become full when a log grows from `old` to `new` entries: lower levels first,
  /// then by index; each tile of level 0 is followed by its bundle.
  public static func completed(from old: UInt64, to new: UInt64) -> [Tile] {
    var tiles: [Tile] = []
    for level in 0..<8 {
      let shift = UInt64(8 * (level + 1))
      let (before, after) = shift < 64 ? (old >> shift, new >> shift) : (0, 0)
      guard before < after else { break }
      for index in before..<after {
        tiles.append(Tile(.hashes(level: level), index: index))
        if level == 0 { tiles.append(Tile(.entries, index: index)) }
      }
    }
    return tiles
  }

  /// The partial tiles at the right edge of a log of `size` entries, bundle included.
  public static func partial(atSize size: UInt64) -> [Tile] {
    var tiles: [Tile] = []
    for level in 0..<8 {
      let count = size >> UInt64(8 * level)
      let width = Int(count & 255)
      guard count > 0 else { break }
      guard width > 0 else { continue }
      tiles.append(Tile(.hashes(level: level), index: count >> 8, width: width))
      if level == 0 { tiles.append(Tile(.entries, index: count >> 8, width: width)) }
    }
    return tiles
  }

  /// The content of a tile of hashes.
  public static func bytes(of hashes: [Digest]) -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: hashes.count * Digest.byteCount)
    for hash in hashes { writer.digest(hash) }
    return writer.bytes
  }
}
