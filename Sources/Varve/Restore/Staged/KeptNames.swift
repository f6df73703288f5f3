import Glibc
internal import VarveFormat

/// Names of what is moved aside rather than replaced.
struct KeptNames {
  private let suffix: [UInt8]
  /// What is restored that is a SQLite database.
  private let databases: Set<[UInt8]>

  /// The suffix, perhaps with a number behind it, with which no name is taken that something will be moved aside to.
  ///
  /// - Parameter paths: what may be moved aside.
  /// - Throws: `.refused` when there is none; `.io`.
  init(
    _ suffix: [UInt8], for paths: [[UInt8]], databases: Set<[UInt8]>, in target: TargetPlaces
  ) throws {
    for number in 1...1_000 {
      let numbered = number == 1 ? suffix : suffix + Array(".\(number)".utf8)
      let names = KeptNames(numbered, databases)
      let isTaken = try paths.contains { path in
        var status = FileStatus()
        return try target.look(at: names.name(for: path), &status)
      }
      if !isTaken {
        self = names
        return
      }
    }
    throw VarveError(
      .refused,
      "there are files whose names end in \(EscapedBytes.text(suffix)) to \(EscapedBytes.text(suffix)).1000",
      hint: "remove those that you do not need, or give another --kept-suffix")
  }

  private init(_ suffix: [UInt8], _ databases: Set<[UInt8]>) {
    self.suffix = suffix
    self.databases = databases
  }

  /// The path, in the same directory, to which `path` is moved.
  func name(for path: [UInt8]) -> [UInt8] {
    // SQLite has to find a journal beside what is kept, or its newest transactions are lost.
    let ending =
      ChangePlan.companionEndings.first {
        path.suffix($0.count) == $0[...] && databases.contains(Array(path.dropLast($0.count)))
      } ?? []
    return path.dropLast(ending.count) + suffix + ending
  }
}
