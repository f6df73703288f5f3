import Glibc
import Synchronization
import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

@Suite struct SQLiteDatabaseTests {
  private let here = TemporaryDirectory()

  @Test(arguments: ["wal", "delete", "truncate"])
  func aCopyIsTheDatabase(journal: String) throws {
    let writer = try SQLiteWriter(here("a \"b'.db"), journal: journal)
    for _ in 0..<50 { try writer.commit() }
    let database = try SQLiteDatabase(path: writer.path, mode: .readWrite)
    try database.backUp(to: here("copy"))
    let copy = try SQLiteDatabase(path: here("copy"), mode: .readOnly)
    #expect(try copy.integrityCheck() == [])
    #expect(try copy.tables() == ["counter", "entries"])
    #expect(try copy.rowCount(of: "entries") == 50)
    var status = stat()
    #expect(stat(here("copy"), &status) == 0 && status.st_mode & 0o7777 == 0o600)
    // What is there already is not overwritten, and not removed either.
    #expect(throws: VarveError(.io, "")) { try database.backUp(to: here("copy")) }
    #expect(SQLiteDatabase.isDatabase(path: here("copy")))
  }

  /// With a writer that does not rest, every copy is what one transaction left, and none takes for ever.
  @Test(arguments: ["wal", "delete"])
  func copiesUnderAWriter(journal: String) throws {
    let path = here("live.db")
    let writer = try SQLiteWriter(path, journal: journal)
    for _ in 0..<100 { try writer.commit(bytes: 20_000) }
    let isDone = Atomic<Bool>(false)
    let commits = Atomic<Int>(0)
    let failures = Mutex<[String]>([])
    let copies = (0..<8).map { here("copy\($0)") }
    runThreads(2) { number in
      defer { isDone.store(true, ordering: .relaxed) }
      do {
        if number == 0 {
          let own = try SQLiteWriter(path, journal: nil)
          while !isDone.load(ordering: .relaxed) {
            try own.commit()
            commits.add(1, ordering: .relaxed)
          }
        } else {
          while commits.load(ordering: .relaxed) == 0 && !isDone.load(ordering: .relaxed) {
            usleep(1000)
          }
          for copy in copies {
            // Small steps, so that there is much time for others between the first and the last.
            let database = try SQLiteDatabase(path: path, mode: .readWrite)
            try database.backUp(to: copy, pagesPerStep: 16)
          }
        }
      } catch { failures.withLock { $0.append("\(error)") } }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(commits.load(ordering: .relaxed) > copies.count, "nobody wrote meanwhile")
    for path in copies {
      let copy = try SQLiteDatabase(path: path, mode: .readOnly)
      #expect(try copy.integrityCheck() == [])
      #expect(
        try copy.rows("SELECT value FROM counter") == [["\(try copy.rowCount(of: "entries"))"]])
    }
  }

  @Test func capturingLeavesTheDatabaseAlone() throws {
    let path = here("live.db")
    let writer = try SQLiteWriter(path, journal: "wal")
    for _ in 0..<20 { try writer.commit() }
    let before = try (FileBytes.read(path), FileBytes.read(path + "-wal"))
    try SQLiteDatabase(path: path, mode: .readWrite).backUp(to: here("copy"))
    let after = try (FileBytes.read(path), FileBytes.read(path + "-wal"))
    #expect(before == after, "no checkpoint")
    #expect(!before.1.isEmpty)
  }

  /// Its owner may be another than that of the database.
  @Test func noLogIsLeftBesideADatabaseThatHadNone() throws {
    let path = here("closed.db")
    do {
      let writer = try SQLiteWriter(path, journal: "wal")
      try writer.commit()
    }
    #expect(access(path + "-wal", F_OK) != 0)
    try SQLiteDatabase(path: path, mode: .readWrite).backUp(to: here("copy"))
    #expect(access(path + "-wal", F_OK) != 0 && access(path + "-shm", F_OK) != 0)
  }

  /// A collation that only its own program has: the rest is checked all the same.
  @Test func whatNeedsItsOwnProgramIsReadAndNamed() throws {
    let path = here("foreign.db")
    do {
      let writer = try SQLiteWriter(path, journal: "delete")
      for _ in 0..<400 { try writer.commit(bytes: 500) }
      try writer.execute("CREATE TABLE \"a \"\"b\"(word TEXT)")
      for _ in 0..<100 {
        try writer.execute("INSERT INTO \"a \"\"b\" VALUES (hex(randomblob(500)))")
      }
      try writer.execute("CREATE INDEX words ON \"a \"\"b\"(word COLLATE NOCASE)")
      try writer.execute(
        """
        PRAGMA writable_schema=ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'TURKISH') WHERE name = 'words'
        """)
    }
    do {
      let database = try SQLiteDatabase(path: path, mode: .readOnly)
      #expect(try database.integrityCheck() == [])
      #expect(database.omission == "no such collation sequence: TURKISH (a \"b)")
    }
    let sound = try FileBytes.read(path)
    // Somewhere in the first table, and in the one that is only read.
    for place in [20_000..<24_000, 260_000..<300_000] {
      var bytes = sound
      for index in place { bytes[index] = 0xa5 }
      try FileBytes.write(bytes, to: path)
      #expect(try !SQLiteDatabase(path: path, mode: .readOnly).integrityCheck().isEmpty)
    }
  }

  @Test func damageIsFoundAndNamed() throws {
    let path = here("damaged.db")
    do {
      let writer = try SQLiteWriter(path, journal: "delete")
      for _ in 0..<400 { try writer.commit(bytes: 500) }
    }
    var bytes = try FileBytes.read(path)
    for index in 20_000..<24_000 { bytes[index] = 0xa5 }
    try FileBytes.write(bytes, to: path)
    #expect(try !SQLiteDatabase(path: path, mode: .readOnly).integrityCheck().isEmpty)
    bytes.removeLast(bytes.count / 2)
    try FileBytes.write(bytes, to: path)
    #expect(try !SQLiteDatabase(path: path, mode: .readOnly).integrityCheck().isEmpty)
  }

  /// Whatever the bytes, there is an answer or an error.
  @Test func hostileBytes() throws {
    let path = here("hostile.db")
    do {
      let writer = try SQLiteWriter(path, journal: "delete")
      for _ in 0..<30 { try writer.commit(bytes: 300) }
    }
    let sound = try FileBytes.read(path)
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<200 {
      var bytes = sound
      for _ in 0..<Int.random(in: 1...40, using: &generator) {
        bytes[Int.random(in: 16..<bytes.count, using: &generator)] = UInt8.random(
          in: 0...255, using: &generator)
      }
      try FileBytes.write(bytes, to: path)
      let database = try SQLiteDatabase(path: path, mode: .readOnly)
      do {
        _ = try database.integrityCheck()
        for table in try database.tables() { _ = try database.rowCount(of: table) }
      } catch is VarveError {}
    }
  }

  @Test func whatIsNoDatabase() throws {
    #expect(throws: VarveError(.notFound, "")) {
      try SQLiteDatabase(path: here("missing"), mode: .readWrite)
    }
    #expect(access(here("missing"), F_OK) != 0, "none is made")
    try FileBytes.write(
      Array("this is a text, and long enough for a header of a database".utf8), to: here("text"))
    #expect(!SQLiteDatabase.isDatabase(path: here("text")))
    #expect(!SQLiteDatabase.isDatabase(path: here.path))
    #expect(throws: VarveError(.damaged, "")) {
      try SQLiteDatabase(path: here("text"), mode: .readWrite).backUp(to: here("copy"))
    }
    #expect(access(here("copy"), F_OK) != 0, "what could not be copied is removed")
    try FileBytes.write([], to: here("empty"))
    #expect(!SQLiteDatabase.isDatabase(path: here("empty")))
    #expect(try SQLiteDatabase(path: here("empty"), mode: .readOnly).tables() == [])
  }

  @Test func tablesThatAreNotThere() throws {
    let writer = try SQLiteWriter(here("a.db"), journal: "delete")
    try writer.execute(
      "CREATE TABLE \"odd \"\" name\" (x); INSERT INTO \"odd \"\" name\" VALUES (1)")
    let database = try SQLiteDatabase(path: here("a.db"), mode: .readOnly)
    #expect(try database.rowCount(of: "odd \" name") == 1)
    #expect(throws: VarveError(.notFound, "")) { try database.rowCount(of: "users") }
    #expect(throws: VarveError(.notFound, "")) { try database.rowCount(of: "sqlite_schema") }
  }

  @Test func cancellationEndsACopyAndACheck() throws {
    let writer = try SQLiteWriter(here("a.db"), journal: "delete")
    for _ in 0..<100 { try writer.commit(bytes: 20_000) }
    let flag = CancellationFlag()
    let database = try SQLiteDatabase(path: here("a.db"), mode: .readOnly, cancellation: flag)
    #expect(try database.integrityCheck() == [])
    flag.cancel()
    #expect(throws: VarveError(.interrupted, "")) { try database.integrityCheck() }
    #expect(throws: VarveError(.interrupted, "")) {
      try database.backUp(to: here("copy"), pagesPerStep: 1, cancellation: flag)
    }
    #expect(access(here("copy"), F_OK) != 0)
  }
}
