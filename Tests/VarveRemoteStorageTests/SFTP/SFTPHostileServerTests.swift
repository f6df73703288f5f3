import Glibc
import Testing
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// A server may send anything: what it sends becomes an error in time, and takes no memory that it did not fill.
@Suite(.serialized, .onOwnThreads) struct SFTPHostileServerTests {
  private static let codes: Set<VarveError.Code> = [.io, .unavailable, .damaged]
  let server: HostileServer

  init() throws { server = try HostileServer() }

  private func errors(_ store: SFTPStorage) -> [(call: String, error: any Error)] {
    let calls: [(String, () throws -> Void)] = [
      ("read", { _ = try store.read("packs/00/aa") }),
      ("range", { _ = try store.read("packs/00/aa", offset: 10, count: 100) }),
      ("size", { _ = try store.size("packs/00/aa") }),
      ("list", { try store.list("") { _, _ in } }),
      ("put", { try store.put("packs/00/aa", [1, 2, 3]) }),
      ("create", { _ = try store.createExclusively("log/commits/0", [1]) }),
    ]
    return calls.compactMap { name, call in
      do {
        try call()
        return nil
      } catch {
        return (name, error)
      }
    }
  }

  @Test(arguments: HostileServer.greetings)
  func liesInTheGreeting(_ lie: String) throws {
    let store = try server.storage(lie)
    #expect {
      _ = try store.read("packs/00/aa")
    } throws: { error in
      guard let error = error as? VarveError else { return false }
      let isSilence = ["nothing", "end", "cut-version", "noise"].contains(lie)
      return error.code == (isSilence ? .unavailable : .io)
    }
  }

  @Test(arguments: HostileServer.answers)
  func liesInAnAnswer(_ lie: String) throws {
    let failed = errors(try server.storage(lie))
    #expect(!failed.isEmpty)
    for (call, error) in failed {
      let code = (error as? VarveError)?.code
      #expect(code.map(Self.codes.contains) == true, "\(call): \(error)")
      #expect(!"\(error)".unicodeScalars.contains { $0.properties.generalCategory == .control })
    }
  }

  /// A file that could not be written is closed once: by the second time the server may have given its handle to another.
  @Test func whatCannotBeWrittenIsClosedOnce() throws {
    let record = server.directory("closed")
    let store = try server.storage("refusing") { $0.command? += ["0", record] }
    for _ in 0..<3 {
      #expect(throws: VarveError(.io, "")) {
        try store.put("packs/00/aa", [UInt8](repeating: 1, count: 300_000))
      }
    }
    // Answers come in order: what was asked before this one was carried out.
    _ = try? store.size("packs/00/aa")
    let lines = try String(decoding: FileBytes.read(record), as: UTF8.self).split(separator: "\n")
    #expect(lines.count >= 3 && lines.allSatisfy { $0.hasSuffix(" 1") }, "\(lines)")
  }

  @Test(arguments: 0..<12)
  func noise(seed: Int) throws {
    for lie in ["noise", "noise-answer"] {
      let store = try server.storage(lie) { $0.command?.append("\(seed)") }
      for (call, error) in errors(store) {
        #expect(error is VarveError, "\(call): \(error)")
      }
    }
  }

  @Test(arguments: ["endless-names", "endless-directories"])
  func aListWithoutEnd(_ lie: String) throws {
    let store = try server.storage(lie) { $0.mostEntries = 50_000 }
    var count = 0
    #expect(throws: VarveError(.io, "")) { try store.list("") { _, _ in count += 1 } }
    #expect(count <= 50_000)
  }

  @Test func namesThatLeadOutAreNotListed() throws {
    let store = try server.storage("leading-out")
    var names: [String] = []
    try store.list("") { name, _ in names.append(name) }
    #expect(names == [])
  }

  @Test(arguments: ["huge-size", "large-size", "a-pipe"])
  func sizesThatAreNotTrue(_ lie: String) throws {
    let store = try server.storage(lie)
    let before = Self.residentMemory
    #expect(throws: VarveError(.damaged, "")) { _ = try store.read("packs/00/aa") }
    #expect(Self.residentMemory - before < 64 << 20)
  }

  /// Bytes.
  private static var residentMemory: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = fread(&bytes, 1, bytes.count, file)
    let fields = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Also what is looked through before something is written has its bound.
  @Test func aDirectoryWithoutEnd() throws {
    let store = try server.storage("endless-names") { $0.mostEntries = 50_000 }
    let error = #expect(throws: VarveError.self) { try store.put("packs/00/aa", [1]) }
    #expect(error?.code == .io)
    #expect(error?.message.contains("more than a repository can have") == true)
  }

  /// What comes on standard error is no answer.
  @Test func wordsThatAreNoAnswer() throws {
    let store = try server.storage("nothing") {
      $0.command = ["sh", "-c", "while echo words >&2; do :; done"]
    }
    let error = #expect(throws: VarveError.self) { _ = try store.read("packs/00/aa") }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("has not answered") == true)
  }
}
