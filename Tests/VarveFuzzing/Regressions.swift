import Glibc
import VarveTestSupport

/// Inputs that once broke something: `fixtures/regressions/<target>/<any name>`, as they are.
package enum Regressions {
  package static var directory: String {
    VectorFile.directory.dropLast("vectors".count) + "regressions"
  }

  package static func inputs(of target: String) -> [(name: String, bytes: [UInt8])] {
    let path = "\(directory)/\(target)"
    guard let listing = opendir(path) else { return [] }
    defer { closedir(listing) }
    var found: [(name: String, bytes: [UInt8])] = []
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard !name.hasPrefix("."), let file = fopen("\(path)/\(name)", "r") else { continue }
      defer { fclose(file) }
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
        bytes += buffer[..<count]
      }
      found.append((name, bytes))
    }
    return found.sorted { $0.name < $1.name }
  }
}
