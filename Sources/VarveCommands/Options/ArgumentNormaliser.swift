/// Lets global options stand before the verb, too: `varve -r /repo snapshots`.
///
/// The parser knows global options as options of each subcommand, so those found before the verb
/// are moved to right behind it. Nothing else is reordered.
package struct ArgumentNormaliser {
  /// Verbs that have verbs of their own, such as `key list`.
  package static let nested: [String: Set<String>] = [
    "key": ["list", "add", "remove", "passwd", "rotate", "threshold", "export", "import"],
    "import": ["tar"],
    "log": ["show", "verify", "prove", "publish"],
    "proof": ["create", "verify", "fetch"],
    "receipt": ["list", "export"],
    "drill": ["run", "list", "show", "trend"],
    "policy": ["set", "show", "list", "remove"],
    "hold": ["add", "remove", "list"],
    "proposal": ["list", "approve"],
    "repair": ["index", "packs", "snapshots"],
    "witness": ["init", "serve", "cosign"],
    "schedule": ["show", "install", "remove"],
    "config": ["check", "show", "schema"],
    "server-token": ["add", "list", "remove"],
  ]

  private static let valued: Set<String> = [
    "-r", "--repo", "-p", "--password-file", "--password-command", "--key-file", "--cache-dir",
    "--witness-policy", "--max-cosignature-age", "--connections", "--limit-upload",
    "--limit-download", "--retry-limit", "--cacert", "--server-token-file", "--option",
    "--config",
  ]
  private static let flags: Set<String> = [
    "--json", "-q", "--quiet", "-v", "--verbose", "--no-cache",
  ]

  /// `arguments` without the program's name, in the order in which the parser takes them.
  package static func normalise(_ arguments: [String]) -> [String] {
    var moved: [String] = []
    var verbs: [String] = []
    var index = 0
    var expected: Set<String>?
    while index < arguments.count {
      let argument = arguments[index]
      if argument == "--" { break }
      if !argument.hasPrefix("-") || argument == "-" {
        if let expected, !expected.contains(argument) { break }
        verbs.append(argument)
        index += 1
        guard verbs.count == 1, let inner = nested[argument] else { break }
        expected = inner
        continue
      }
      guard let taken = globalOption(arguments[index...]) else {
        break
      }
      moved += taken.rewritten
      index += taken.count
    }
    let rest = arguments[index...]
    // Without a complete verb there is nothing the options could belong to: let the parser show
    // help, or complain of what stands where the verb should be.
    if verbs.isEmpty || verbs == ["help"] || (verbs.count == 1 && expected != nil) {
      return verbs + rest
    }
    return verbs + moved + expandVerbosity(rest)
  }

  /// The global option at the start of `rest`, and how many arguments it takes.
  private static func globalOption(_ rest: ArraySlice<String>) -> (rewritten: [String], count: Int)?
  {
    guard let first = rest.first else { return nil }
    if let count = verbosityLevel(first) {
      return (Array(repeating: "--verbose", count: count), 1)
    }
    if flags.contains(first) { return ([first], 1) }
    if valued.contains(first) { return (Array(rest.prefix(2)), min(2, rest.count)) }
    if let equals = first.firstIndex(of: "="), valued.contains(String(first[..<equals])) {
      return ([first], 1)
    }
    guard !first.hasPrefix("--") else { return nil }
    // Short options in one word: `-qr /repo`, `-vv`, `-r/repo`.
    var out: [String] = []
    var letters = first.dropFirst()
    while let letter = letters.popFirst() {
      let option = "-\(letter)"
      if flags.contains(option) {
        out.append(option)
      } else if valued.contains(option) {
        if letters.isEmpty {
          return (out + [option] + rest.dropFirst().prefix(1), min(2, rest.count))
        }
        return (out + [option, String(letters)], 1)
      } else {
        return nil
      }
    }
    return (out, 1)
  }

  /// restic's `--verbose=2` is `-vv`; only up to a `--`.
  private static func expandVerbosity(_ arguments: ArraySlice<String>) -> [String] {
    var out: [String] = []
    var isLiteral = false
    for argument in arguments {
      if argument == "--" { isLiteral = true }
      if !isLiteral, let count = verbosityLevel(argument) {
        out += Array(repeating: "--verbose", count: count)
      } else {
        out.append(argument)
      }
    }
    return out
  }

  private static func verbosityLevel(_ argument: String) -> Int? {
    guard argument.hasPrefix("--verbose="), let level = Int(argument.dropFirst(10)),
      (0...9).contains(level)
    else { return nil }
    return level
  }
}
