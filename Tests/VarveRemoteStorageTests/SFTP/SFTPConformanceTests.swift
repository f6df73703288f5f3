import Glibc
import Synchronization
import Testing
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// The store against OpenSSH's server: through sshd, and its SFTP server alone with extensions taken away.
@Suite(.serialized, .onOwnThreads) struct SFTPConformanceTests {
  let directory = TemporaryDirectory("varve-sftp", in: "/dev/shm")

  private func storage(_ server: SSHServer, _ name: String = "r") throws -> SFTPStorage {
    var options = SFTPStorage.Options()
    options.arguments = server.arguments()
    let location = "sftp://\(server.user)@127.0.0.1:\(server.port)/\(directory(name))"
    return SFTPStorage(try SFTPLocation(location), options: options)
  }

  /// - Parameter denied: requests that the server refuses and extensions that it does not offer.
  private func storage(without denied: String, _ name: String = "r") throws -> SFTPStorage {
    let program = try #require(SSHServer.sftpServer, "openssh-sftp-server is missing")
    var options = SFTPStorage.Options()
    options.command = [program, "-P", denied]
    return SFTPStorage(try SFTPLocation("sftp:nobody:\(directory(name))"), options: options)
  }

  @Test(arguments: StorageConformance.cases)
  func conforms(_ conformance: StorageConformance.Case) throws {
    let server = try SSHServer()
    defer { withExtendedLifetime(server) {} }
    let store = try storage(server)
    try store.create()
    try conformance.run(store)
  }

  @Test(arguments: StorageConformance.cases)
  func conformsWithoutExtensions(_ conformance: StorageConformance.Case) throws {
    // There is no atomic replacement without posix-rename; docs/storage-sftp.md says so.
    if conformance.description.hasPrefix("readers never see a part") { return }
    let store = try storage(without: "posix-rename,hardlink,fsync,limits,statvfs")
    try store.create()
    try conformance.run(store)
  }

  @Test func withoutPosixRenameReadersFindAllOrNothing() throws {
    let store = try storage(without: "posix-rename")
    try store.create()
    let versions = (0..<4).map { [UInt8](repeating: UInt8($0), count: 100_000 + $0) }
    try store.put("log/checkpoint", versions[0])
    let problems = Mutex<[String]>([])
    runThreads(3) { thread in
      for round in 0..<40 {
        do {
          if thread == 0 {
            try store.put("log/checkpoint", versions[round % 4])
          } else if !versions.contains(try store.read("log/checkpoint")) {
            problems.withLock { $0.append("a mixture") }
          }
        } catch let error as VarveError where error.code == .missing {
        } catch {
          problems.withLock { $0.append("\(error)") }
        }
      }
    }
    #expect(problems.withLock { $0 } == [])
    #expect(try store.read("log/checkpoint") == versions[39 % 4])
    #expect(files(below: "r/tmp") == [])
  }

  @Test func aServerThatCannotLinkIsRefused() throws {
    // Offers neither, so that RENAME has to do it, and refuses that.
    let store = try storage(without: "hardlink,rename")
    #expect(throws: VarveError(.refused, "")) { try store.create() }
  }

  @Test func aServerThatRefusesToWriteSaysSo() throws {
    try LocalStorage(path: directory("r")).create()
    let program = try #require(SSHServer.sftpServer)
    var options = SFTPStorage.Options()
    options.command = [program, "-R"]
    let store = SFTPStorage(try SFTPLocation("sftp:x:\(directory("r"))"), options: options)
    #expect(throws: VarveError(.forbidden, "")) { try store.put("keys/a", [1]) }
    #expect(throws: VarveError(.forbidden, "")) { _ = try store.createExclusively("keys/a", [1]) }
    #expect(try store.size("keys/a") == nil)
  }

  @Test func whatIsNewCanBeStoredWithoutLeaveToRemoveOrRename() throws {
    try LocalStorage(path: directory("r")).create()
    let store = try storage(without: "remove,rename,posix-rename,rmdir,setstat,fsetstat")
    try store.put("packs/00/aa", [1])
    try store.put("packs/00/aa", [1])
    #expect(try store.createExclusively("log/commits/0", [2]))
    #expect(!(try store.createExclusively("log/commits/0", [3])))
    #expect(throws: VarveError(.forbidden, "")) { try store.put("packs/00/aa", [2]) }
    #expect(throws: VarveError(.forbidden, "")) { try store.remove("packs/00/aa") }
    #expect(try store.read("packs/00/aa") == [1])
  }

  @Test func noDirectoryIsNoRepository() throws {
    let store = try storage(without: "statvfs")
    #expect(throws: VarveError(.noRepository, "")) { try store.put("config", [1]) }
    #expect(throws: VarveError(.missing, "")) { try store.read("config") }
    #expect(files(below: "") == [])
  }

  @Test func pathsFromTheLoginDirectory() throws {
    let program = try #require(SSHServer.sftpServer)
    var options = SFTPStorage.Options()
    options.command = [program, "-d", directory.path]
    let store = SFTPStorage(try SFTPLocation("sftp:x:deep/er/r"), options: options)
    try store.create()
    try store.put("config", [7])
    #expect(try LocalStorage(path: directory("deep/er/r")).read("config") == [7])
    var status = stat()
    #expect(stat(directory("deep/er/r/packs"), &status) == 0 && status.st_mode & 0o777 == 0o700)
    #expect(stat(directory("deep/er/r/config"), &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func objectsThatAreLongerThanAny() throws {
    let store = try storage(without: "statvfs")
    let local = LocalStorage(path: directory("r"))
    try local.create()
    try local.put("log/checkpoint", [UInt8](repeating: 1, count: 1 << 20))
    #expect(try store.read("log/checkpoint").count == 1 << 20)
    try local.put("log/checkpoint", [UInt8](repeating: 1, count: (1 << 20) + 1))
    #expect(throws: VarveError(.damaged, "")) { try store.read("log/checkpoint") }
  }

  @Test func oneRepositoryThroughBothWays() throws {
    let local = LocalStorage(path: directory("r"))
    try local.create()
    try local.put("packs/7f/aa", [1, 2, 3])
    let server = try SSHServer()
    defer { withExtendedLifetime(server) {} }
    let remote = try storage(server)
    #expect(try remote.read("packs/7f/aa") == [1, 2, 3])
    try remote.put("packs/80/bb", [4])
    #expect(!(try remote.createExclusively("packs/7f/aa", [9])))
    #expect(!(try local.createExclusively("packs/80/bb", [9])))
    #expect(try local.read("packs/80/bb") == [4])
    let now = try #require(try remote.modificationTime("packs/80/bb"))
    #expect(now.seconds == (try local.modificationTime("packs/80/bb"))?.seconds)
    var listed: Set<String> = []
    try remote.list("packs") { name, _ in listed.insert(name) }
    #expect(listed == ["packs/7f/aa", "packs/80/bb"])
    #expect(files(below: "r/tmp") == [])
  }

  @Test func racesBetweenClientsOfBothKinds() throws {
    let server = try SSHServer()
    let local = LocalStorage(path: directory("r"))
    try local.create()
    let stores: [any StorageBackend] = try (0..<8).map { number in
      if number % 4 == 3 { return LocalStorage(path: directory("r")) }
      let store = try storage(server)
      // Connected before the race.
      _ = try store.size("config")
      return store
    }
    let rounds = 200
    let winners = Mutex<[Int: [UInt8]]>([:])
    let problems = Mutex<[String]>([])
    let gate = Gate(count: stores.count)
    runThreads(stores.count) { thread in
      for round in 0..<rounds {
        gate.wait()
        let bytes = [UInt8](repeating: UInt8(thread), count: 1_000 + thread)
        do {
          if try stores[thread].createExclusively("log/commits/\(round)", bytes) {
            let isFirst = winners.withLock { $0.updateValue(bytes, forKey: round) == nil }
            if !isFirst { problems.withLock { $0.append("\(round) has two winners") } }
          } else if try stores[thread].read("log/commits/\(round)").count < 1_000 {
            problems.withLock { $0.append("a loser reads a part of \(round)") }
          }
        } catch {
          problems.withLock { $0.append("\(round): \(error)") }
        }
      }
    }
    #expect(problems.withLock { $0 } == [])
    for round in 0..<rounds {
      let stored = try local.read("log/commits/\(round)")
      #expect(winners.withLock { $0[round] } == stored)
    }
  }

  @Test func filesOfDeadClientsGoAfterADay() throws {
    let local = LocalStorage(path: directory("r"))
    try local.create()
    for (name, age) in [("old", 90_000), ("young", 80_000)] {
      let path = directory("r/tmp/\(name)")
      close(open(path, O_CREAT | O_WRONLY, 0o600))
      var times = [timeval(), timeval()]
      for index in 0..<2 { times[index].tv_sec = time(nil) - age }
      utimes(path, times)
    }
    let store = try storage(without: "statvfs")
    try store.put("keys/a", [1])
    _ = try store.size("keys/a")
    #expect(files(below: "r/tmp") == ["young"])
  }

  @Test func aDirectoryThatSomebodyRemovedIsMadeAgain() throws {
    let store = try storage(without: "statvfs")
    try store.create()
    try store.put("packs/00/aa", [1])
    BackgroundProcess.run(["rm", "-r", directory("r/packs"), directory("r/tmp")])
    try store.put("packs/00/bb", [2])
    #expect(try store.read("packs/00/bb") == [2])
  }

  @Test func aFullDisk() throws {
    // Needs root and leave to mount; without them there is nothing to try.
    mkdir(directory("small"), 0o700)
    let options = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", directory("small")]
    guard BackgroundProcess.run(["mount"] + options) == 0 else { return }
    defer { BackgroundProcess.run(["umount", directory("small")]) }
    let store = try storage(without: "copy-data", "small/r")
    try store.create()
    #expect {
      try store.put("packs/00/aa", [UInt8](repeating: 1, count: 8 << 20))
    } throws: { error in
      let error = error as? VarveError
      return error?.code == .io && error?.message.contains("full") == true
    }
    _ = try store.size("packs/00/aa")
    #expect(files(below: "small/r/tmp") == [])
    try store.put("packs/00/aa", [1])
  }

  private func files(below name: String) -> [String] {
    guard let stream = opendir(directory(name)) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names.filter { $0 != "." && $0 != ".." }.sorted()
  }
}
