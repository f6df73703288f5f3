import Testing
import Varve
import VarveFormat

@Suite struct SelectionFilterTests {
  typealias Decision = PathFilter.Decision

  private func decision(_ filter: PathFilter, _ path: String) -> Decision {
    Array(path.utf8).withUnsafeBytes { filter.decision($0) }
  }

  private func patterns(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  @Test func withoutPatternsEverythingIsTaken() throws {
    let filter = try PathFilter()
    #expect(filter.takesEverything)
    #expect(decision(filter, "/a/b") == Decision(isSelected: true, looksBelow: true))
  }

  @Test func excludesOfBothKinds() throws {
    let filter = try PathFilter(
      excludes: patterns("*.o", "/build"), caseInsensitiveExcludes: patterns("thumbs.db"))
    #expect(!filter.takesEverything)
    #expect(decision(filter, "/a.o") == Decision(isSelected: false, looksBelow: false))
    #expect(decision(filter, "/build/x/y") == Decision(isSelected: false, looksBelow: false))
    #expect(decision(filter, "/x/Thumbs.DB") == Decision(isSelected: false, looksBelow: false))
    #expect(decision(filter, "/A.O") == Decision(isSelected: true, looksBelow: true))
    let entry = Array("/x/Thumbs.DB".utf8)
    #expect(entry.withUnsafeBytes { filter.excludesEntry($0) })
  }

  @Test func includes() throws {
    let filter = try PathFilter(includes: patterns("/etc/ssh"))
    #expect(decision(filter, "/etc") == Decision(isSelected: false, looksBelow: true))
    #expect(decision(filter, "/var") == Decision(isSelected: false, looksBelow: false))
    #expect(decision(filter, "/etc/ssh/keys/a") == Decision(isSelected: true, looksBelow: true))
  }

  @Test func excludesWinOverIncludes() throws {
    let filter = try PathFilter(
      excludes: patterns("*.key"), includes: patterns("/etc"),
      caseInsensitiveIncludes: patterns("/SRV"))
    #expect(decision(filter, "/etc/a.key").isSelected == false)
    #expect(decision(filter, "/etc/a").isSelected)
    #expect(decision(filter, "/srv/a").isSelected)
  }
}
