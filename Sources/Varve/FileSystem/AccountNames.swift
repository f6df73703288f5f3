import Glibc
import Synchronization

/// The names of users and groups, each asked of the system once.
///
/// May be used from many threads. The corresponding C functions are `getpwuid_r`, `getgrgid_r`,
/// `getpwnam_r` and `getgrnam_r`.
package final class AccountNames: Sendable {
  private struct Cache {
    var userNames: [UInt32: [UInt8]?] = [:]
    var groupNames: [UInt32: [UInt8]?] = [:]
    var userNumbers: [[UInt8]: UInt32?] = [:]
    var groupNumbers: [[UInt8]: UInt32?] = [:]
  }

  private let cache = Mutex(Cache())

  package init() {}

  /// The name of a user, or nil when this machine has none for the number.
  package func user(_ number: UInt32) -> [UInt8]? {
    cache.withLock { cache in
      if let known = cache.userNames[number] { return known }
      let name = AccountNames.lookUp(passwd(), { getpwuid_r(number, $0, $1, $2, $3) }) {
        AccountNames.bytes($0.pw_name)
      }
      cache.userNames[number] = .some(name)
      return name
    }
  }

  /// The name of a group, or nil when this machine has none for the number.
  package func group(_ number: UInt32) -> [UInt8]? {
    cache.withLock { cache in
      if let known = cache.groupNames[number] { return known }
      let name = AccountNames.lookUp(Glibc.group(), { getgrgid_r(number, $0, $1, $2, $3) }) {
        AccountNames.bytes($0.gr_name)
      }
      cache.groupNames[number] = .some(name)
      return name
    }
  }

  /// The number of the user called `name` on this machine.
  package func userNumber(_ name: [UInt8]) -> UInt32? {
    cache.withLock { cache in
      if let known = cache.userNumbers[name] { return known }
      let number = AccountNames.withText(name) { text in
        AccountNames.lookUp(passwd(), { getpwnam_r(text, $0, $1, $2, $3) }) { $0.pw_uid }
      }
      cache.userNumbers[name] = .some(number)
      return number
    }
  }

  /// The number of the group called `name` on this machine.
  package func groupNumber(_ name: [UInt8]) -> UInt32? {
    cache.withLock { cache in
      if let known = cache.groupNumbers[name] { return known }
      let number = AccountNames.withText(name) { text in
        AccountNames.lookUp(Glibc.group(), { getgrnam_r(text, $0, $1, $2, $3) }) { $0.gr_gid }
      }
      cache.groupNumbers[name] = .some(number)
      return number
    }
  }

  private typealias Call<Record> = (
    UnsafeMutablePointer<Record>, UnsafeMutablePointer<CChar>, Int,
    UnsafeMutablePointer<UnsafeMutablePointer<Record>?>
  ) -> Int32

  /// Calls with a buffer that grows until the answer fits (groups may have many members), and lets
  /// `take` have the record while its strings are valid.
  private static func lookUp<Record, Value>(
    _ empty: Record, _ call: Call<Record>, _ take: (Record) -> Value?
  ) -> Value? {
    var size = 1_024
    while size <= 1 << 24 {
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
      defer { buffer.deallocate() }
      var record = empty
      var found: UnsafeMutablePointer<Record>?
      let result = call(&record, buffer, size, &found)
      if result == ERANGE {
        size *= 4
        continue
      }
      return result == 0 && found != nil ? take(record) : nil
    }
    return nil
  }

  private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
    guard let text else { return nil }
    let length = strlen(text)
    // The format's bound (docs/format.md, section 9).
    guard length > 0, length <= 256 else { return nil }
    return Array(UnsafeRawBufferPointer(start: text, count: length))
  }

  private static func withText<Result>(
    _ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Result?
  ) -> Result? {
    if name.contains(0) { return nil }
    return (name + [0]).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
    }
  }
}
