import CVarveLinux
import Glibc
package import VarveFormat

/// Extended attributes of a file: POSIX ACLs, capabilities and labels among them.
///
/// Symbolic links and special files cannot be opened to ask them, so they are reached as
/// `/proc/self/fd/<directory>/<name>`.
package enum ExtendedAttributes {
  /// The attributes of an open file, sorted by name; none where the file system has none.
  /// Allocates nothing when there are none.
  ///
  /// - Returns: 0, or an error number.
  package static func read(_ file: Int32, into attributes: inout [ExtendedAttribute]) -> Int32 {
    attributes.removeAll(keepingCapacity: true)
    // Most files have none, or a label that a few bytes hold.
    return withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer in
      let count = varve_flistxattr(file, buffer.baseAddress!, buffer.count)
      if count == 0 || count == -Int(EOPNOTSUPP) { return 0 }
      return collect(
        into: &attributes, list: { varve_flistxattr(file, $0, $1) },
        value: { varve_fgetxattr(file, $0, $1, $2) })
    }
  }

  /// The attributes of the entry `name` of `directory` itself, as `read(_:into:)`.
  package static func read(
    _ directory: Int32, _ name: UnsafePointer<CChar>, into attributes: inout [ExtendedAttribute]
  ) -> Int32 {
    attributes.removeAll(keepingCapacity: true)
    return ProcessPath.with(directory, name) { path in
      let count = varve_llistxattr(path, nil, 0)
      if count == 0 || count == -Int(EOPNOTSUPP) { return 0 }
      return collect(
        into: &attributes, list: { varve_llistxattr(path, $0, $1) },
        value: { varve_lgetxattr(path, $0, $1, $2) })
    }
  }

  /// Sets one attribute of an open file. Returns 0, or an error number.
  package static func set(_ file: Int32, _ name: [UInt8], _ value: [UInt8]) -> Int32 {
    withName(name) { name in
      value.withUnsafeBytes { -varve_fsetxattr(file, name, $0.baseAddress, $0.count) }
    }
  }

  /// Sets one attribute of a file opened with O_PATH. Returns 0, or an error number.
  package static func set(path file: Int32, _ name: [UInt8], _ value: [UInt8]) -> Int32 {
    ProcessPath.with(file, nil) { path in
      withName(name) { name in
        value.withUnsafeBytes { -varve_setxattr(path, name, $0.baseAddress, $0.count) }
      }
    }
  }

  /// Removes one attribute of an open file. Returns 0, or an error number.
  package static func remove(_ file: Int32, _ name: [UInt8]) -> Int32 {
    withName(name) { -varve_fremovexattr(file, $0) }
  }

  private static func withName(
    _ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Int32
  ) -> Int32 {
    if name.contains(0) { return EINVAL }
    return withUnsafeTemporaryAllocation(byteCount: name.count + 1, alignment: 1) { buffer in
      buffer.copyBytes(from: name)
      buffer[name.count] = 0
      return body(buffer.baseAddress!.assumingMemoryBound(to: CChar.self))
    }
  }

  private static func collect(
    into attributes: inout [ExtendedAttribute],
    list: (UnsafeMutableRawPointer?, Int) -> Int,
    value: (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
  ) -> Int32 {
    // The kernel's own limits: 64 KiB for all names, and for each value.
    let limit = 65_536
    let names = UnsafeMutableRawPointer.allocate(byteCount: 2 * limit, alignment: 8)
    defer { names.deallocate() }
    let values = names + limit
    let listed = list(names, limit)
    guard listed >= 0 else { return Int32(-listed) }
    var start = 0
    while start < listed {
      let name = names + start
      let length = strnlen(name.assumingMemoryBound(to: CChar.self), listed - start)
      guard start + length < listed else { return EIO }
      start += length + 1
      let count = value(UnsafePointer(name.assumingMemoryBound(to: CChar.self)), values, limit)
      // Removed since it was listed, or listed although it cannot be read.
      if count == -Int(ENODATA) || count == -Int(EOPNOTSUPP) { continue }
      guard count >= 0 else { return Int32(-count) }
      attributes.append(
        ExtendedAttribute(
          name: Array(UnsafeRawBufferPointer(start: name, count: length)),
          value: Array(UnsafeRawBufferPointer(start: values, count: count))))
    }
    attributes.sort { $0.name.lexicographicallyPrecedes($1.name) }
    return 0
  }
}

/// Paths through a directory descriptor, for system calls that take nothing else.
package enum ProcessPath {
  /// Calls `body` with `/proc/self/fd/<directory>/<name>`; with `/proc/self/fd/<directory>`, which
  /// stands for the open file itself, when `name` is nil.
  package static func with<Result>(
    _ directory: Int32, _ name: UnsafePointer<CChar>?, _ body: (UnsafePointer<CChar>) -> Result
  ) -> Result {
    let prefix: StaticString = "/proc/self/fd/"
    let nameLength = name.map { strlen($0) } ?? 0
    let size = prefix.utf8CodeUnitCount + 12 + nameLength + 2
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { path in
      memcpy(path.baseAddress!, prefix.utf8Start, prefix.utf8CodeUnitCount)
      var end = prefix.utf8CodeUnitCount
      var divisor: UInt32 = 1_000_000_000
      let number = UInt32(bitPattern: directory)
      while divisor > 1 && number < divisor { divisor /= 10 }
      while divisor > 0 {
        path[end] = 0x30 + UInt8(number / divisor % 10)
        end += 1
        divisor /= 10
      }
      if let name {
        path[end] = 0x2f
        memcpy(path.baseAddress! + end + 1, name, nameLength)
        end += 1 + nameLength
      }
      path[end] = 0
      return path.baseAddress!.withMemoryRebound(to: CChar.self, capacity: end + 1) { body($0) }
    }
  }
}
