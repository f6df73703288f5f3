package import VarveFormat
import VarveRepository

/// An entry's mode, type and times in the spellings that `ls` and restic use.
package enum EntryText {
  /// restic's name of a type.
  package static func type(_ type: EntryType) -> String {
    switch type {
    case .file: "file"
    case .directory: "dir"
    case .link: "symlink"
    case .fifo: "fifo"
    case .characterDevice: "chardev"
    case .blockDevice: "dev"
    }
  }

  /// As `ls -l` writes it: `-rwsr-xr-x`.
  package static func permissions(_ type: EntryType, _ mode: UInt16) -> String {
    let letter =
      switch type {
      case .file: "-"
      case .directory: "d"
      case .link: "l"
      case .fifo: "p"
      case .characterDevice: "c"
      case .blockDevice: "b"
      }
    return letter
      + triple(mode >> 6, special: mode & 0o4000 != 0, "s", "S")
      + triple(mode >> 3, special: mode & 0o2000 != 0, "s", "S")
      + triple(mode, special: mode & 0o1000 != 0, "t", "T")
  }

  private static func triple(_ bits: UInt16, special: Bool, _ both: String, _ only: String)
    -> String
  {
    let execute = bits & 1 != 0
    return (bits & 4 != 0 ? "r" : "-") + (bits & 2 != 0 ? "w" : "-")
      + (special ? (execute ? both : only) : (execute ? "x" : "-"))
  }

  /// The number that restic's JSON has in `mode`: Go's os.FileMode, whose high bits are the type.
  package static func goMode(_ type: EntryType, _ mode: UInt16) -> UInt32 {
    var value = UInt32(mode & 0o777)
    switch type {
    case .file: break
    case .directory: value |= 1 << 31
    case .link: value |= 1 << 27
    case .fifo: value |= 1 << 25
    case .characterDevice: value |= 1 << 26 | 1 << 21
    case .blockDevice: value |= 1 << 26
    }
    if mode & 0o4000 != 0 { value |= 1 << 23 }
    if mode & 0o2000 != 0 { value |= 1 << 22 }
    if mode & 0o1000 != 0 { value |= 1 << 20 }
    return value
  }

  /// The text that Go makes of that number, and restic's JSON has in `permissions`: a letter for
  /// each high bit, or `-`, then nine letters.
  package static func goPermissions(_ type: EntryType, _ mode: UInt16) -> String {
    let value = goMode(type, mode)
    var text = ""
    for (index, letter) in "dalTLDpSugct?".enumerated() where value & 1 << (31 - index) != 0 {
      text.append(letter)
    }
    if text.isEmpty { text = "-" }
    for (index, letter) in "rwxrwxrwx".enumerated() {
      text.append(value & 1 << (8 - index) != 0 ? letter : "-")
    }
    return text
  }

  /// RFC 3339 with this machine's offset at that time.
  package static func time(_ time: FileTime) -> String {
    WallClock.local(seconds: time.seconds, nanoseconds: time.nanoseconds).precise
  }

  /// `2026-03-01 12:00:00` in this machine's zone.
  package static func shortTime(_ time: FileTime) -> String {
    shortTime(WallClock.local(seconds: time.seconds))
  }

  /// The same of a record's time, in its own offset.
  package static func shortTime(_ timestamp: Timestamp) -> String {
    let civil = timestamp.civil
    return civil.dateText + " " + civil.timeText
  }
}
