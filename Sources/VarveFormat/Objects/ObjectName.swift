/// The names of a repository's objects and their classes (docs/format.md, section 3).
///
/// ```
/// config                            keys/<digest>           packs/<first 2 hex>/<digest>
/// log/commits/<16 decimal digits>   log/checkpoint          index/<digest>
/// log/tile/...                      snapshots/<digest>      inventories/<digest>
/// ```
/// A digest in a name is the SHA-256 of the object's stored bytes, so anybody can check the object.
public enum ObjectName {
  public static let config = "config"
  public static let checkpoint = "log/checkpoint"

  /// What `StorageBackend.list` takes to find the objects of a class; each ends in `/`.
  public static let credentialPrefix = "keys/"
  public static let commitPrefix = "log/commits/"
  public static let tilePrefix = "log/tile/"
  public static let packPrefix = "packs/"
  public static let indexPrefix = "index/"
  public static let snapshotPrefix = "snapshots/"
  public static let inventoryPrefix = "inventories/"

  /// The largest log size that has a name: sixteen decimal digits.
  public static let commitLimit: UInt64 = 9_999_999_999_999_999

  public static func credential(_ digest: Digest) -> String { credentialPrefix + digest.hex }
  public static func index(_ digest: Digest) -> String { indexPrefix + digest.hex }
  public static func snapshot(_ digest: Digest) -> String { snapshotPrefix + digest.hex }
  public static func inventory(_ digest: Digest) -> String { inventoryPrefix + digest.hex }

  public static func pack(_ digest: Digest) -> String {
    let hex = digest.hex
    return packPrefix + hex.prefix(2) + "/" + hex
  }

  /// The commit that was appended when the log had `size` entries.
  public static func commit(_ size: UInt64) -> String {
    let digits = String(size)
    let zeros = String(repeating: "0", count: max(0, 16 - digits.utf8.count))
    return commitPrefix + zeros + digits
  }

  /// The most bytes that an object of that name may have: storage may hold anything, and whoever reads an object whole takes
  /// memory for it. At least what the format allows; names of no object are treated as packs'.
  public static func byteLimit(of name: String) -> UInt64 {
    switch ObjectClass(name) {
    case .config, .checkpoint: 1 << 20
    case .credential: 64 << 10
    // 255 entries of 60 KiB in a commit, 256 in a bundle.
    case .commit, .tile: 16 << 20
    case .snapshot: UInt64(SnapshotRecord.byteLimit) + (4 << 10)
    case .inventory: UInt64(Inventory.byteLimit)
    case .pack, .index, nil: UInt64(PackLimits.packByteCount)
    }
  }

  /// The digest that the object's bytes must have, or nil when `name` is not exactly the name of an
  /// object that is named by a digest.
  public static func digest(of name: String) -> Digest? {
    switch ObjectClass(name) {
    case .credential(let digest), .pack(let digest), .index(let digest), .snapshot(let digest),
      .inventory(let digest):
      digest
    case .config, .commit, .checkpoint, .tile, nil: nil
    }
  }
}
