import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository
import VarveTestSupport
import VarveTestThreads

/// What the service gives out of a log that witnesses should have cosigned.
@Suite(.onOwnThreads) struct ServiceWitnessTests {
  @Test(arguments: [false, true]) func whatNobodyHasCosignedIsNotGivenOut(isRequired: Bool) throws {
    let bench = try ServiceBench()
    try bench.makeHistory(days: 0)
    if isRequired {
      let key = try WitnessBench.witnessSigner().key
      let log = try bench.repository().config.logKey
      try FileBytes.write(
        Array("log \(log)\nwitness w1 \(key.text)\nquorum w1\n".utf8), to: bench.directory("policy")
      )
      bench.configuration.repositories["main"]?.witnessPolicyFile = bench.directory("policy")
    }
    try bench.start(withTokens: false)
    try bench.waitUntilReady()
    let id = try #require(bench.repository().log.state.snapshotsInOrder.first?.id.hex)
    let base = "/repositories/main/snapshots/\(id)"
    for path in [base + "?path=/srv/auth-db", base + "/file?path=/srv/auth-db/plain.txt"] {
      let answer = try bench.ask("GET", path)
      #expect(answer.status == (isRequired ? 503 : 200), "\(path)")
      if isRequired { #expect(answer.text.contains("cosignatures")) }
    }
  }
}
