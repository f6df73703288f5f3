internal import Glibc
internal import VarveFormat

/// A file below `fixtures/vectors`: `#` comments that give source and expected result, then records,
/// parted by empty lines, of lines `name = value`.
public enum VectorFile {
  public struct Malformed: Error, CustomStringConvertible {
    public let description: String
    public init(description: String) { self.description = description }
  }

  public struct Record: Sendable, CustomStringConvertible {
    /// File and line at which the record starts.
    public let description: String
    var values: [String: String] = [:]

    /// The value as written.
    public func text(_ name: String) throws -> String {
      guard let value = values[name] else {
        throw Malformed(description: "\(description): no \(name)")
      }
      return value
    }

    /// The bytes of a value in hexadecimal.
    public func bytes(_ name: String) throws -> [UInt8] {
      guard let bytes = Hex.decode(try text(name)) else {
        throw Malformed(description: "\(description): \(name) is not hexadecimal")
      }
      return bytes
    }

    public func integer(_ name: String) throws -> Int {
      guard let value = Int(try text(name)) else {
        throw Malformed(description: "\(description): \(name) is not a number")
      }
      return value
    }
  }

  /// The directory that holds the vectors.
  public static var directory: String {
    let parts = "\(#filePath)".split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/") + "/fixtures/vectors"
  }

  /// The records of `fixtures/vectors/<name>`, in order; at least one.
  public static func records(_ name: String) throws -> [Record] {
    let path = "\(directory)/\(name)"
    guard let file = fopen(path, "r") else {
      throw Malformed(description: "\(path): cannot be opened")
    }
    defer { fclose(file) }
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      contents += buffer[..<count]
    }
    let lines = contents.split(separator: 10, omittingEmptySubsequences: false)
    var records: [Record] = []
    var open = false
    for (number, line) in lines.enumerated() {
      let text = String(decoding: line, as: UTF8.self)
      guard !text.hasPrefix("#") else { continue }
      guard !text.isEmpty else {
        open = false
        continue
      }
      guard let equals = text.firstRange(of: " =") else {
        throw Malformed(description: "\(name):\(number + 1): no \" =\"")
      }
      if !open { records.append(Record(description: "\(name):\(number + 1)")) }
      open = true
      let value = text[equals.upperBound...].drop { $0 == " " }
      records[records.count - 1].values[String(text[..<equals.lowerBound])] = String(value)
    }
    guard !records.isEmpty else { throw Malformed(description: "\(path): no records") }
    return records
  }
}
