import Glibc

/// Where the tests find the binary under test and the repository's scripts, and how thorough they are.
enum Tools {
  /// The release binary: `VARVE_BINARY`, or the one that was built beside the test bundle.
  static let varve: String = {
    if let path = getenv("VARVE_BINARY") { return absolute(String(cString: path)) }
    return product("varve")
  }()

  /// What was built beside the test bundle under that name.
  static func product(_ name: String) -> String {
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return absolute(parent(bundle)) + "/" + name
  }

  /// The top of the source tree.
  static let sources = parent(parent(parent(parent(#filePath))))
  static let walker = sources + "/fixtures/walker/walk.py"
  /// Programs that judge proofs without Varve, and the Python that has what they need (scripts/install-requirements).
  static let conformance = sources + "/fixtures/conformance"
  static let judges = sources + "/.build/python/bin/python3"
  static let awkward = sources + "/fixtures/generate/awkward.py"

  /// The system's Python rather than a version manager's wrapper, which takes longer than most scripts here.
  static let python = access("/usr/bin/python3", X_OK) == 0 ? "/usr/bin/python3" : "python3"

  /// `make soak`: full counts instead of the short ones.
  static let soak = getenv("VARVE_SOAK") != nil
  static let isRoot = geteuid() == 0

  /// What precedes a command whose clock is off, such as `-2d` or `+37h`. The program `faketime` makes a semaphore named by its
  /// process id, and fails over one that a killed one with the same number has left.
  static func clock(_ time: String?) -> [String] {
    let script =
      "rm -f /dev/shm/sem.faketime_sem_$$ /dev/shm/faketime_shm_$$; exec faketime -f \"$@\""
    return time.map { ["sh", "-c", script, "sh", $0] } ?? []
  }

  /// A count for `make test`, or its full form for `make soak`.
  static func rounds(_ short: Int, soak long: Int) -> Int { soak ? long : short }

  static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return String(path[..<slash])
  }

  static func absolute(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// SplitMix64: the same seed gives the same test.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { buffer in
      var offset = 0
      while offset + 8 <= count {
        buffer.storeBytes(of: next(), toByteOffset: offset, as: UInt64.self)
        offset += 8
      }
      while offset < count {
        buffer[offset] = UInt8(truncatingIfNeeded: next())
        offset += 1
      }
    }
    return bytes
  }
}
