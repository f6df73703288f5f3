import Glibc

/// One thing that a power loss may leave one way or another.
enum Undecided: Hashable {
  case name(String, directory: UInt64)
  case content(UInt64)
}

/// How a power loss leaves it.
enum Decision: Hashable {
  /// As it was that many changes after the last sync; 0 for the sync itself.
  case version(Int)
  /// A file's blocks mixed from all its versions, zeros and garbage, by this seed.
  case torn(UInt64)
}

/// What is found after a power loss: files by path.
struct CrashState {
  var files: [String: [UInt8]] = [:]
  var directories: Set<String> = []

  /// Below one top directory, with names from there.
  func files(in top: String) -> [String: [UInt8]] {
    let prefix = top + "/"
    var found: [String: [UInt8]] = [:]
    for (path, bytes) in files where path.hasPrefix(prefix) {
      found[String(path.dropFirst(prefix.count))] = bytes
    }
    return found
  }
}

extension Disk {
  /// What is not settled, in a certain order. Unnamed files and unfinished objects, which nobody reads, are left out.
  func undecided() -> [Undecided] {
    var found: Set<Undecided> = []
    var reachable: Set<UInt64> = []
    var pending = [(Self.root, "")]
    while let (number, path) = pending.popLast() {
      guard path != "repository/tmp" else { continue }
      if let directory = directories[number] {
        for (name, values) in directory.names {
          if values.count > 1 { found.insert(.name(name, directory: number)) }
          for value in Set(values) where value != 0 && reachable.insert(value).inserted {
            pending.append((value, path.isEmpty ? name : "\(path)/\(name)"))
          }
        }
      } else if let file = files[number], !file.isSettled {
        found.insert(.content(number))
      }
    }
    return found.sorted { Self.key($0) < Self.key($1) }
  }

  private static func key(_ item: Undecided) -> (UInt64, String) {
    switch item {
    case .name(let name, let directory): (directory, name)
    case .content(let number): (number, "")
    }
  }

  /// How many versions there are of it.
  func versionCount(_ item: Undecided) -> Int {
    switch item {
    case .name(let name, let directory): directories[directory]?.names[name]?.count ?? 1
    case .content(let number): files[number]?.versions.count ?? 1
    }
  }

  /// The state in which `decide` has its way.
  func crash(_ decide: (Undecided) -> Decision) -> CrashState {
    var state = CrashState()
    var pending = [(Self.root, "")]
    while let (number, path) = pending.popLast() {
      if let file = files[number] {
        state.files[path] = content(file, file.isSettled ? .version(0) : decide(.content(number)))
        continue
      }
      guard let directory = directories[number], path != "repository/tmp" else { continue }
      if !path.isEmpty { state.directories.insert(path) }
      for (name, values) in directory.names {
        var value = values[values.count - 1]
        if values.count > 1, case .version(let index) = decide(.name(name, directory: number)) {
          value = values[min(index, values.count - 1)]
        }
        if value != 0 { pending.append((value, path.isEmpty ? name : "\(path)/\(name)")) }
      }
    }
    return state
  }

  private func content(_ file: File, _ decision: Decision) -> [UInt8] {
    switch decision {
    case .version(let index): file.versions[min(index, file.versions.count - 1)]
    case .torn(let seed): torn(file, seed)
    }
  }

  private func torn(_ file: File, _ seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    let sizes = Array(Set(file.versions.map(\.count))).sorted()
    let size = sizes[Int.random(in: 0..<sizes.count, using: &generator)]
    let settled = file.versions[0].count
    var bytes = [UInt8](repeating: 0, count: size)
    // Runs of blocks share a fate: real disks lose pages of 4096 bytes as well as sectors of 512.
    let run = Self.blockLength * [1, 1, 2, 8].randomElement(using: &generator)!
    for start in stride(from: 0, to: size, by: run) {
      let end = min(size, start + run)
      let choice = Int.random(in: 0..<file.versions.count + 2, using: &generator)
      if choice < file.versions.count {
        let version = file.versions[choice]
        if start < version.count {
          let part = version[start..<min(end, version.count)]
          bytes.replaceSubrange(start..<start + part.count, with: part)
        }
      } else if start >= settled {
        if choice == file.versions.count { continue }
        bytes.replaceSubrange(start..<end, with: generator.bytes(end - start))
      } else {
        let version = file.current
        if start < version.count {
          let part = version[start..<min(end, version.count)]
          bytes.replaceSubrange(start..<start + part.count, with: part)
        }
      }
    }
    return bytes
  }
}
