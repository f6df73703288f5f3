import Glibc
import VarveFormat
import VarveTestSupport

/// The worked examples of docs/format.md, section 14: its fenced blocks by kind and name.
///
/// `hex`: bytes up to two spaces, then what they are. `values`: lines `name = hexadecimal`. `text`: as it
/// stands, each line with its line feed.
struct SpecificationExamples {
  private var blocks: [String: [String]] = [:]

  init() throws {
    let parts = "\(#filePath)".split(separator: "/", omittingEmptySubsequences: false)
    let path = parts.dropLast(3).joined(separator: "/") + "/docs/format.md"
    var open: String?
    var isWithin = false
    for line in try Self.lines(path) {
      if line.hasPrefix("## ") { isWithin = line.hasPrefix("## 14.") }
      guard isWithin else { continue }
      if line.hasPrefix("```") {
        let name = String(line.dropFirst(3))
        if open == nil { blocks[name] = [] }
        open = open == nil ? name : nil
      } else if let open {
        blocks[open]?.append(line)
      }
    }
  }

  func hex(_ name: String) throws -> [UInt8] {
    try lines("hex " + name).flatMap { line in
      let end = line.firstRange(of: "  ")?.lowerBound ?? line.endIndex
      guard let bytes = Hex.decode(line[..<end]) else {
        throw VectorFile.Malformed(description: "\(name): \(line)")
      }
      return bytes
    }
  }

  func text(_ name: String) throws -> [UInt8] {
    try lines("text " + name).flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }
  }

  /// A text without the line feed at its end.
  func line(_ name: String) throws -> [UInt8] { Array(try text(name).dropLast()) }

  func value(_ block: String, _ name: String) throws -> [UInt8] {
    for line in try lines("values " + block) {
      guard let equals = line.firstRange(of: "=") else { continue }
      let key = line[..<equals.lowerBound]
      guard key.hasPrefix(name), key.dropFirst(name.count).allSatisfy({ $0 == " " }) else {
        continue
      }
      if let bytes = Hex.decode(line[equals.upperBound...].drop { $0 == " " }) { return bytes }
    }
    throw VectorFile.Malformed(description: "\(block) has no \(name)")
  }

  func digest(_ block: String, _ name: String) throws -> Digest {
    guard let digest = Digest(try value(block, name)) else {
      throw VectorFile.Malformed(description: "\(block), \(name) is no digest")
    }
    return digest
  }

  private func lines(_ block: String) throws -> [String] {
    guard let lines = blocks[block] else {
      throw VectorFile.Malformed(description: "docs/format.md has no block “\(block)”")
    }
    return lines
  }

  private static func lines(_ path: String) throws -> [String] {
    guard let file = fopen(path, "r") else {
      throw VectorFile.Malformed(description: "\(path): cannot be opened")
    }
    defer { fclose(file) }
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      contents += buffer[..<count]
    }
    return contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
