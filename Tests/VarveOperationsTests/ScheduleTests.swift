import Testing
import VarveOperations

@Suite struct ScheduleTests {
  @Test func aScheduleKeepsItsText() {
    #expect(Schedule(text: "every 6h", kind: .every(21_600)).text == "every 6h")
  }
}
