// Variables for what systemd and cron run, in a file of lines:
//
//     NAME=value        in single quotes, where the value has anything but letters, digits and -._:/@+=,
//     # comment
//
// systemd reads it itself (EnvironmentFile=), cron's lines let the shell read it: what is written as above both take alike.

import Glibc
import VarveFormat

package enum EnvironmentFile {
  package static let ofSystem = "/etc/varve/environment"

  /// Beside a user's own configuration.
  package static func ofUser(configurationHome: String) -> String {
    configurationHome + "/varve/environment"
  }

  /// The names that a file gives values to; none where there is no file.
  ///
  /// - Throws: `io` when it cannot be read.
  package static func names(at path: String) throws -> Set<String> {
    guard access(RawArgument.cString(path), F_OK) == 0 else { return [] }
    let text = String(decoding: try SmallFile.bytes(at: path), as: UTF8.self)
    return Set(text.split(whereSeparator: \.isNewline).compactMap(name(of:)))
  }

  private static func name(of line: Substring) -> String? {
    let name = line.drop { $0 == " " || $0 == "\t" }.prefix { $0 != "=" }
    guard name.endIndex < line.endIndex, let first = name.utf8.first, !TextForm.isDigit(first),
      name.utf8.allSatisfy({ TextForm.isNameByte($0) && $0 != 0x2d && $0 != 0x2e })
    else { return nil }
    return String(name)
  }
}
