import Foundation

/// What programs did to a directory, in the order in which the kernel did it (format: Tests/FaultTracer/record.h).
struct Recording {
  enum Event: Equatable {
    case created(String, inode: UInt64)
    case madeDirectory(String, inode: UInt64)
    case written(inode: UInt64, offset: Int, [UInt8])
    case resized(inode: UInt64, to: Int)
    case synced(String, inode: UInt64)
    case linked(String, String)
    case renamed(String, String)
    case removed(String)
    /// Standard output.
    case told([UInt8])
  }

  private(set) var events: [Event] = []

  /// - Parameter root: paths become relative to it; what lies elsewhere is left out.
  /// - Throws: when the log has something that the model does not know.
  init(parsing bytes: [UInt8], root: String) throws {
    var reader = Reader(bytes: bytes)
    while !reader.isAtEnd {
      let kind = reader.number(1)
      let inode = reader.number(8)
      let offset = Int(reader.number(8))
      let length = Int(reader.number(8))
      let first = Self.relative(reader.text(), root)
      let second = Self.relative(reader.text(), root)
      switch kind {
      case 1: if let first { events.append(.created(first, inode: inode)) }
      case 2: if let first { events.append(.madeDirectory(first, inode: inode)) }
      case 3:
        let data = reader.bytes(length)
        if first != nil { events.append(.written(inode: inode, offset: offset, data)) }
      case 4: if first != nil { events.append(.resized(inode: inode, to: offset)) }
      case 5: if let first { events.append(.synced(first, inode: inode)) }
      case 6: if let first, let second { events.append(.linked(first, second)) }
      case 7: if let first, let second { events.append(.renamed(first, second)) }
      case 8: if let first { events.append(.removed(first)) }
      case 9: events.append(.told(reader.bytes(length)))
      default:
        guard second == nil else {
          throw SpawnFailure(description: "not in the model: event \(kind) of \(second ?? "")")
        }
      }
    }
  }

  /// Nil for what lies outside of what is modelled: the repository, and the client's state and cache.
  private static func relative(_ path: String, _ root: String) -> String? {
    if path == root { return "" }
    guard path.hasPrefix(root + "/") else { return nil }
    let name = String(path.dropFirst(root.count + 1))
    let top = name.prefix { $0 != "/" }
    return ["repository", "state", "cache"].contains(top) ? name : nil
  }

  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position >= bytes.count }

    mutating func number(_ count: Int) -> UInt64 {
      defer { position += count }
      return (0..<count).reduce(0) { $0 | UInt64(bytes[position + $1]) << (8 * $1) }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
      defer { position += count }
      return Array(bytes[position..<position + count])
    }

    mutating func text() -> String {
      let count = Int(number(2))
      return String(decoding: bytes(count), as: UTF8.self)
    }
  }
}
