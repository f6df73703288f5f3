import Testing
import VarveFormat
import VarveStorage
import VarveTestSupport

/// Pages of a store, one after the other, are its list in the order of names.
@Suite struct PageTests {
  private static func pages(
    _ store: LocalStorage, _ prefix: String, limit: Int
  ) throws -> [String] {
    var names: [String] = []
    while true {
      let page = try store.page(prefix, after: names.last, limit: limit)
      names += page.map(\.name)
      if page.count < limit { return names }
    }
  }

  @Test(arguments: 0..<8)
  func pagesAreTheList(_ seed: Int) throws {
    let directory = TemporaryDirectory()
    let store = LocalStorage(path: directory("store"))
    try store.create()
    var generator = SeededGenerator(seed: UInt64(seed))
    let parts = ["a", "a-", "a-b", "a.b", "a0", "b", "log", "tmp2", "z", "0", "-", "-a"]
    for _ in 0..<60 {
      let count = Int.random(in: 1...4, using: &generator)
      let name = (0..<count).map { _ in parts.randomElement(using: &generator) ?? "a" }
        .joined(separator: "/")
      // A name cannot go on below an object.
      try? store.put(name, [UInt8](repeating: 1, count: Int.random(in: 0...9, using: &generator)))
    }
    for prefix in ["", "a", "a/a-", "log", "nothing"] {
      var listed: [String: UInt64] = [:]
      try store.list(prefix) { listed[$0] = $1 }
      let expected = listed.keys.sorted()
      for limit in [1, 2, 3, 7, 1_000] {
        #expect(try Self.pages(store, prefix, limit: limit) == expected, "\(prefix), \(limit)")
      }
      for object in try store.page(prefix, after: nil, limit: 1_000) {
        #expect(listed[object.name] == object.size)
      }
      // From any name on, whether it is there or not.
      for after in parts + expected {
        let rest = try store.page(prefix, after: after, limit: 1_000).map(\.name)
        #expect(rest == expected.filter { $0 > after }, "\(prefix) after \(after)")
      }
    }
  }

  @Test func uploadsThatAreLetGo() throws {
    let directory = TemporaryDirectory()
    let store = LocalStorage(path: directory("store"))
    try store.create()
    do {
      let upload = try LocalUpload(of: "packs/00/aa", to: store)
      try [UInt8]([1, 2, 3]).withUnsafeBytes { try upload.append($0) }
      #expect(try store.size("packs/00/aa") == nil)
    }
    do {
      let upload = try LocalUpload(of: "packs/00/aa", to: store)
      try [UInt8]([1, 2, 3]).withUnsafeBytes { try upload.append($0) }
      try [UInt8]([4]).withUnsafeBytes { try upload.append($0) }
      #expect(try upload.finish(exclusively: true))
    }
    let late = try LocalUpload(of: "packs/00/aa", to: store)
    #expect(try !late.finish(exclusively: true))
    #expect(try store.read("packs/00/aa") == [1, 2, 3, 4])
    #expect(throws: VarveError(.usage, "")) { _ = try LocalUpload(of: "../a", to: store) }
    let object = try LocalObject("packs/00/aa", of: store)
    try store.put("packs/00/aa", [9])
    var bytes = [UInt8](repeating: 0, count: 3)
    try bytes.withUnsafeMutableBytes { try object.read(into: $0, at: 1) }
    #expect(bytes == [2, 3, 4])
    #expect(throws: VarveError(.damaged, "")) {
      var bytes = [UInt8](repeating: 0, count: 3)
      try bytes.withUnsafeMutableBytes { try object.read(into: $0, at: 2) }
    }
  }
}
