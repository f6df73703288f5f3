import VarveFormat

/// What a server answers, decoded from bytes that are not trusted.
enum SFTPAnswer {
  case status(SFTPStatus)
  case handle([UInt8])
  /// That many bytes are in the memory that was given with the request.
  case data(count: Int)
  case names([SFTPEntry])
  case attributes(SFTPAttributes)
  case extended([UInt8])

  enum Kind: UInt8 {
    case status = 101
    case handle = 102
    case data = 103
    case names = 104
    case attributes = 105
    case extended = 201
  }

  /// Decodes what follows the identifier.
  ///
  /// - Parameter destination: where the bytes of DATA go.
  /// - Throws: `VarveError.Code.damaged`.
  init(
    _ kind: Kind, _ packet: inout SFTPPacket, destination: UnsafeMutableRawBufferPointer?
  ) throws {
    switch kind {
    case .status:
      self = .status(try SFTPStatus(&packet))
    case .handle:
      let handle = try packet.string()
      guard handle.count <= 256 else { throw packet.malformed("a handle of \(handle.count) bytes") }
      self = .handle([UInt8](handle))
    case .data:
      let bytes = try packet.string()
      guard let destination, !bytes.isEmpty, bytes.count <= destination.count else {
        throw packet.malformed("\(bytes.count) bytes of data in answer to a request for others")
      }
      destination.copyMemory(from: bytes)
      self = .data(count: bytes.count)
    case .names:
      let count = try packet.u32()
      // 12 bytes are the shortest entry, so the count bounds nothing that is allocated.
      guard count > 0, Int(count) <= packet.remaining / 12 else {
        throw packet.malformed("\(count) names in \(packet.remaining) bytes")
      }
      var entries: [SFTPEntry] = []
      for _ in 0..<count {
        let name = String(decoding: try packet.string(), as: UTF8.self)
        _ = try packet.string()
        entries.append(SFTPEntry(name: name, attributes: try SFTPAttributes(&packet)))
      }
      self = .names(entries)
    case .attributes:
      self = .attributes(try SFTPAttributes(&packet))
    case .extended:
      self = .extended([UInt8](packet.rest()))
    }
  }
}

/// How a request went.
struct SFTPStatus {
  static let ok: UInt32 = 0
  static let end: UInt32 = 1
  static let noSuchFile: UInt32 = 2
  static let permissionDenied: UInt32 = 3
  static let failure: UInt32 = 4
  static let noConnection: UInt32 = 6
  static let connectionLost: UInt32 = 7
  static let unsupported: UInt32 = 8

  let code: UInt32
  /// The server's words, printable.
  let text: String

  init(_ packet: inout SFTPPacket) throws {
    code = try packet.u32()
    // Old servers leave the words out.
    let words = packet.remaining == 0 ? nil : try packet.string()
    let known = [
      "ok", "end of file", "no such file", "permission denied", "failure", "bad message",
      "no connection", "connection lost", "operation unsupported",
    ]
    let said = words.map { String(decoding: $0.prefix(200), as: UTF8.self) } ?? ""
    let printable = String(
      String.UnicodeScalarView(
        said.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    text =
      !printable.isEmpty
      ? printable : Int(code) < known.count ? known[Int(code)] : "status \(code)"
  }
}

/// What is known of a file; the server may leave out anything.
struct SFTPAttributes {
  enum Field: UInt32 {
    case size = 0x01
    case owner = 0x02
    case mode = 0x04
    case times = 0x08
    case extended = 0x8000_0000
  }

  private(set) var size: UInt64?
  private(set) var mode: UInt32?
  private(set) var modified: UInt32?

  init(_ packet: inout SFTPPacket) throws {
    let flags = try packet.u32()
    func has(_ field: Field) -> Bool { flags & field.rawValue != 0 }
    if has(.size) { size = try packet.u64() }
    if has(.owner) { _ = (try packet.u32(), try packet.u32()) }
    if has(.mode) { mode = try packet.u32() }
    if has(.times) {
      _ = try packet.u32()
      modified = try packet.u32()
    }
    if has(.extended) {
      let count = try packet.u32()
      guard Int(count) <= packet.remaining / 8 else { throw packet.malformed("its attributes") }
      for _ in 0..<count { _ = (try packet.string(), try packet.string()) }
    }
  }

  private var type: UInt32? { mode.map { $0 & 0o170000 } }
  var isDirectory: Bool { type == 0o040000 }
  var isRegularFile: Bool { type == 0o100000 }
  /// Whether it has to be asked for again, following a link.
  var isUnclear: Bool {
    type == nil || type == 0 || type == 0o120000 || (isRegularFile && size == nil)
  }
}

struct SFTPEntry {
  let name: String
  let attributes: SFTPAttributes
}

/// Reads a packet's fields, in bounds.
struct SFTPPacket {
  private var bytes: Slice<UnsafeRawBufferPointer>

  init(_ bytes: Slice<UnsafeRawBufferPointer>) { self.bytes = bytes }

  var remaining: Int { bytes.count }

  func malformed(_ what: String) -> VarveError {
    VarveError(.damaged, "the server's answer is malformed: \(what)")
  }

  mutating func u8() throws -> UInt8 { try integer() }
  mutating func u32() throws -> UInt32 { try integer() }
  mutating func u64() throws -> UInt64 { try integer() }

  mutating func string() throws -> UnsafeRawBufferPointer {
    let length = Int(try u32())
    guard length <= bytes.count else {
      throw malformed("\(length) bytes are announced, \(bytes.count) are there")
    }
    let string = UnsafeRawBufferPointer(rebasing: bytes.prefix(length))
    bytes = bytes.dropFirst(length)
    return string
  }

  mutating func rest() -> UnsafeRawBufferPointer {
    defer { bytes = bytes.dropFirst(bytes.count) }
    return UnsafeRawBufferPointer(rebasing: bytes)
  }

  private mutating func integer<T: FixedWidthInteger>() throws -> T {
    let size = MemoryLayout<T>.size
    guard bytes.count >= size else { throw malformed("it ends too early") }
    let value = UnsafeRawBufferPointer(rebasing: bytes).loadUnaligned(as: T.self)
    bytes = bytes.dropFirst(size)
    return T(bigEndian: value)
  }
}
