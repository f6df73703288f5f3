import Glibc
import VarveFormat

/// Runs a program found through PATH and waits; output and errors go to files, so nothing blocks.
struct RunProgram {
  let status: Int32
  let output: [UInt8]
  let errors: String

  init(_ arguments: [String], in directory: ScratchDirectory) throws {
    let output = directory.path + Array("/.output".utf8)
    let errors = directory.path + Array("/.errors".utf8)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, path) in [(Int32(1), output), (2, errors)] {
      posix_spawn_file_actions_addopen(
        &actions, descriptor, path.map { CChar(bitPattern: $0) } + [0],
        O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    }
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child = pid_t()
    guard posix_spawnp(&child, arguments[0], &actions, nil, &pointers, environ) == 0 else {
      throw VarveError(.io, "cannot run \(arguments[0])")
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    self.status = status
    self.output = try RunProgram.contents(output)
    self.errors = String(decoding: try RunProgram.contents(errors), as: UTF8.self)
  }

  /// Whether a program can be found through PATH.
  static func exists(_ name: String) -> Bool {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    return path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
  }

  static func contents(_ path: [UInt8]) throws -> [UInt8] {
    let file = open(path.map { CChar(bitPattern: $0) } + [0], O_RDONLY)
    guard file >= 0 else { throw VarveError(.io, "cannot open \(EscapedBytes.text(path))") }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &buffer, buffer.count)
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: buffer[..<count])
    }
  }
}
