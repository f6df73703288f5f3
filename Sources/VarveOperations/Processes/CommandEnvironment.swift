import Glibc

/// The environment of the commands that an operator's file names.
enum CommandEnvironment {
  /// What unlocks repositories and servers, and is not for others to see.
  static let secrets: Set<String> = [
    "VARVE_PASSWORD", "VARVE_FROM_PASSWORD", "VARVE_SERVER_TOKEN",
  ]

  /// Ours without the secrets, and with `additions`: lists of `NAME=value`.
  static func entries(adding additions: [String: String]) -> [[UInt8]] {
    var entries: [[UInt8]] = []
    var place = environ
    while let entry = place.pointee {
      place += 1
      let bytes = Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry)))
      let name = String(decoding: bytes.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
      if secrets.contains(name) || additions[name] != nil { continue }
      entries.append(bytes)
    }
    for (name, value) in additions.sorted(by: { $0.key < $1.key }) {
      entries.append(Array("\(name)=\(value)".utf8))
    }
    return entries
  }

  /// Calls `body` with the strings as C has them: each ended by a zero byte, the list by a null pointer.
  static func withCStrings<Result>(
    _ strings: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) throws -> Result
  ) rethrows -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { string in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: string.count + 1)
      for (index, byte) in string.enumerated() { copy[index] = CChar(bitPattern: byte) }
      copy[string.count] = 0
      return copy
    }
    pointers.append(nil)
    defer { for pointer in pointers { pointer?.deallocate() } }
    return try body(pointers)
  }
}
