import Testing
import VarveCommands
import VarveFormat

@Suite struct ExitStatusTests {
  @Test(
    arguments: [
      (VarveError.Code.damaged, 20), (.missing, 20), (.rollback, 22), (.unauthorized, 22),
      (.noRepository, 10), (.wrongPassword, 12), (.interrupted, 130), (.usage, 64),
      (.drillFailed, 23),
      (.repositoryExists, 1), (.unsupportedFormat, 1), (.forbidden, 1), (.notFound, 1), (.io, 1),
      (VarveError.Code(rawValue: "something new"), 1),
    ] as [(VarveError.Code, Int32)])
  func everyCodeHasItsExitCode(_ code: VarveError.Code, _ expected: Int32) {
    #expect(ExitStatus(code).rawValue == expected)
  }

  @Test(arguments: [["--nonsense"], ["backup", "--json=3"], ["nonsense"], ["key", "nonsense"]])
  func wrongUseIs64(_ arguments: [String]) {
    #expect(VarveProgram.run(arguments) == .usage)
  }
}
