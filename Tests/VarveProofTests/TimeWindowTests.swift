import Testing
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct TimeWindowTests {
  private static func time(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds) }

  /// Against the definition, over random logs and proofs, in any order.
  @Test func windowsAreWhatTheyAreDefinedAs() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<300 {
      let size = UInt64.random(in: 1...40, using: &generator)
      let proofs = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        let entry = UInt64.random(in: 0..<size, using: &generator)
        return TimeWindows.Proof(
          entry: entry, size: UInt64.random(in: 0...entry, using: &generator),
          after: Self.time(Int64.random(in: 1...50, using: &generator)),
          by: Self.time(Int64.random(in: 1...50, using: &generator)))
      }
      let windows = TimeWindows(proofs)
      for index in 0..<size {
        let base = UInt64.random(in: 0...index, using: &generator)
        let window = windows.window(ofEntry: index, base: base)
        #expect(window.notBefore == proofs.filter { $0.entry < base }.map(\.after).max())
        #expect(window.notAfter == proofs.filter { $0.size > index }.map(\.by).min())
      }
    }
    #expect(TimeWindows([]).window(ofEntry: 3, base: 3) == TimeWindow())
  }

  /// In a log that is cosigned as it grows, by clocks that are right, each entry's time lies in its window.
  @Test func honestLogsAdmitTheirOwnTimes() {
    var proofs: [TimeWindows.Proof] = []
    for entry: UInt64 in stride(from: 10, to: 100, by: 10) {
      // Entry i was appended at second 1000 i; the cosign entry right after it was signed.
      let signed = Self.time(Int64(entry) * 1_000 - 500)
      proofs.append(TimeWindows.Proof(entry: entry, size: entry, after: signed, by: signed))
    }
    let windows = TimeWindows(proofs)
    for index: UInt64 in 0..<100 {
      let claimed = Self.time(Int64(index) * 1_000)
      let window = windows.window(ofEntry: index, base: index)
      #expect(window.admits(claimed), "\(index)")
      #expect(!window.isContradictory)
      #expect(window.clamped(claimed) == claimed)
    }
    // Back-dated by an hour behind a cosignature, post-dated by an hour before one.
    let window = windows.window(ofEntry: 35, base: 35)
    #expect(window.isBefore(Self.time(35_000 - 2 * 3_600)))
    #expect(window.isAfter(Self.time(35_000 + 2 * 3_600)))
  }

  @Test func tolerance() {
    let window = TimeWindow(notBefore: Self.time(10_000), notAfter: Self.time(20_000))
    for (claimed, before, after): (Int64, Bool, Bool) in [
      (9_699, true, false), (9_700, false, false), (15_000, false, false),
      (20_300, false, false), (20_301, false, true), (.min / 2, true, false),
      (.max / 2, false, true),
    ] {
      #expect(window.isBefore(Self.time(claimed)) == before)
      #expect(window.isAfter(Self.time(claimed)) == after)
      #expect(window.admits(Self.time(claimed)) == !(before || after))
    }
    #expect(TimeWindow().admits(Self.time(0)))
    #expect(
      TimeWindow(notBefore: Self.time(20_301), notAfter: Self.time(20_000)).isContradictory)
    #expect(
      !TimeWindow(notBefore: Self.time(20_300), notAfter: Self.time(20_000)).isContradictory)
  }

  @Test func clampingKeepsTheOffset() {
    let window = TimeWindow(notBefore: Self.time(100), notAfter: Self.time(200))
    let claimed = Timestamp(seconds: 50, nanoseconds: 7, offset: 3_600)
    #expect(window.clamped(claimed) == Timestamp(seconds: 100, offset: 3_600))
    #expect(
      window.clamped(Timestamp(seconds: 250, offset: -60)) == Timestamp(seconds: 200, offset: -60))
    let within = Timestamp(seconds: 150, nanoseconds: 7, offset: 60)
    #expect(window.clamped(within) == within)
  }
}
