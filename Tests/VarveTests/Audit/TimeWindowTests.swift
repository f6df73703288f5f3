import Testing
import Varve
import VarveFormat
import VarveTestSupport

@Suite struct TimeWindowTests {
  private func time(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds) }

  @Test func claimsAreMovedNoFurtherThanNeeded() {
    let window = TimeWindow(notBefore: time(100), notAfter: time(200))
    for (claim, moment) in [(50, 100), (100, 100), (150, 150), (200, 200), (900, 200)] {
      #expect(window.clamp(time(Int64(claim))) == time(Int64(moment)))
    }
    #expect(TimeWindow().clamp(time(7)) == time(7))
    let there = Timestamp(seconds: 900, offset: 3600)
    #expect(window.clamp(there).offset == 3600, "the calendar stays the record's")
  }

  /// Against the definition: before, whatever an entry can have seen; after, whatever has seen it.
  @Test func windowsAreWhatTheDefinitionSays() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<300 {
      let evidence = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        let entry = UInt64.random(in: 1...30, using: &generator)
        return TimeEvidence(
          entry: entry, size: UInt64.random(in: 0...entry, using: &generator),
          time: time(Int64.random(in: 0...50, using: &generator)))
      }
      let windows = TimeWindows(evidence)
      for index in UInt64(0)...32 {
        let base = index - UInt64.random(in: 0...min(index, 3), using: &generator)
        let window = windows.window(ofEntry: index, base: base)
        #expect(window.notBefore == evidence.filter { $0.entry < base }.map(\.time).max())
        #expect(window.notAfter == evidence.filter { $0.size > index }.map(\.time).min())
      }
    }
  }
}
