import Glibc
import Testing
import VarveFormat
import VarveStorage
import VarveTestSupport

/// Every bit of a repository flipped in turn, and every object cut to every length: all of it with
/// `VARVE_SOAK`, every n-th otherwise. In a soak `VARVE_DAMAGE_PART=<i>/<n>` takes a part of the objects.
@Suite(.serialized) struct EveryBitTests {
  private static let soak = getenv("VARVE_SOAK") != nil

  /// Which of so many steps to take: all in a soak.
  private func stride(_ short: Int, soak: Int = 1) -> Int { Self.soak ? soak : short }

  /// `VARVE_DAMAGE_STRIDE` makes a soak coarser, for a machine that has no hours.
  private var wholeStride: Int {
    guard Self.soak, let text = getenv("VARVE_DAMAGE_STRIDE") else { return stride(1_999) }
    return max(1, Int(String(cString: text)) ?? 1)
  }

  private func isMine(_ number: Int) -> Bool {
    guard let part = getenv("VARVE_DAMAGE_PART").map({ String(cString: $0) }),
      let slash = part.firstIndex(of: "/"), let own = Int(part[..<slash]),
      let count = Int(part[part.index(after: slash)...]), count > 0
    else { return true }
    return number % count == own % count
  }

  /// Goes through the bits, `stride` apart; the first bit differs from object to object.
  private func flips(
    _ bench: DamageBench, stride: Int, _ body: (String, _ bit: Int, _ number: Int) throws -> Void
  ) throws {
    var start = 0
    for (number, object) in try bench.objects().enumerated() where isMine(number) {
      bench.damaged.damage(object.name, try bench.bench.storage.read(object.name))
      var count = 0
      var bit = start % stride
      while bit < object.count * 8 {
        bench.damaged.flip(bit: bit)
        try body(object.name, bit, count)
        bench.damaged.flip(bit: bit)
        count += 1
        bit += stride
      }
      start += 31
      bench.damaged.heal()
    }
  }

  private func cuts(
    _ bench: DamageBench, stride: Int, _ body: (String, Int, Int) throws -> Void
  ) throws {
    for (number, object) in try bench.objects().enumerated() where isMine(number) {
      var lengths = Array(Swift.stride(from: 0, to: object.count, by: stride))
      if object.count > 0, lengths.last != object.count - 1 { lengths.append(object.count - 1) }
      for (count, length) in lengths.enumerated() {
        try bench.damaged.truncate(object.name, to: length)
        try body(object.name, length, count)
      }
      bench.damaged.heal()
    }
  }

  @Test func everyBitOfASmallRepositoryIsNoticedByTheWholeEngine() throws {
    let bench = try DamageBench(.small)
    let verdict = WholeVerdict(bench: bench)
    var tally = DamageTally()
    try flips(bench, stride: stride(181)) { name, bit, number in
      verdict.judge(name, "bit \(bit)", remembers: number % 4 == 3, &tally)
      if number % stride(9, soak: 499) == 0 { try verdict.restore(name, "bit \(bit)", &tally) }
    }
    tally.print("every bit of a small repository, whole engine")
    #expect(tally.undetected == [] && tally.wrong == [])
    #expect(tally.damages > 500)
    bench.damaged.heal()
    var none = DamageTally()
    verdict.judge("nothing", "is damaged", remembers: false, &none)
    #expect(none.undetected.count == 1 && none.wrong == [], "an intact repository is reported")
  }

  @Test func everyLengthOfASmallRepositorysObjectsIsNoticedByTheWholeEngine() throws {
    let bench = try DamageBench(.small)
    let verdict = WholeVerdict(bench: bench)
    var tally = DamageTally()
    try cuts(bench, stride: stride(149)) { name, length, number in
      verdict.judge(name, "cut to \(length)", remembers: number % 4 == 3, &tally)
      if number % stride(9, soak: 499) == 0 {
        try verdict.restore(name, "cut to \(length)", &tally)
      }
    }
    tally.print("every length of a small repository's objects, whole engine")
    #expect(tally.undetected == [] && tally.wrong == [])
    #expect(tally.damages > 100)
  }

  @Test func everyBitIsNoticedByWhateverReadsIt() throws {
    let bench = try DamageBench(.whole)
    let verdict = try PartVerdict(bench)
    var tally = DamageTally()
    var object = ""
    try flips(bench, stride: wholeStride) { name, bit, number in
      if name != object {
        if Self.soak { tally.print("  before \(name)") }
        try bench.reading(name) { try verdict.begin(name) }
        object = name
      }
      // The check of the log takes longest, and compares a tile's bytes as a whole.
      if name.hasPrefix(ObjectName.tilePrefix) && number % stride(16, soak: 499) != 0 { return }
      verdict.judge(name, at: bit / 8, &tally)
    }
    tally.print("every bit of a whole repository, what reads it")
    #expect(tally.undetected == [] && tally.wrong == [])
    #expect(tally.damages > 1_000)
  }

  @Test func everyLengthIsNoticedByWhateverReadsIt() throws {
    let bench = try DamageBench(.whole)
    let verdict = try PartVerdict(bench)
    var tally = DamageTally()
    var object = ""
    try cuts(bench, stride: stride(499)) { name, length, number in
      if name != object {
        try bench.reading(name) { try verdict.begin(name) }
        try bench.damaged.truncate(name, to: length)
        object = name
      }
      if name.hasPrefix(ObjectName.tilePrefix) && number % stride(16, soak: 499) != 0 { return }
      verdict.judge(name, at: length, &tally)
    }
    tally.print("every length of a whole repository's objects, what reads them")
    #expect(tally.undetected == [] && tally.wrong == [])
    #expect(tally.damages > 500)
  }

  @Test func bitsOfAWholeRepositoryAreNoticedByTheWholeEngine() throws {
    let bench = try DamageBench(.whole)
    let verdict = WholeVerdict(bench: bench)
    var tally = DamageTally()
    try flips(bench, stride: stride(200_003, soak: 4_001)) { name, bit, number in
      verdict.judge(name, "bit \(bit)", remembers: number % 4 == 3, &tally)
    }
    tally.print("bits of a whole repository, whole engine")
    #expect(tally.undetected == [] && tally.wrong == [])
  }
}
