import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

@Suite(.onOwnThreads) struct StoppingTests {
  /// Whatever becomes of an upload, nobody sees a part of it.
  @Test func uploadsThatBreakOff() throws {
    let bench = try ServerBench()
    try bench.local().create()
    let token = try bench.token(.full)
    let bytes = [UInt8](repeating: 3, count: 5 << 20)
    let name = ObjectName.pack(SHA256.digest(bytes))
    let head = RawConnection.request(
      "PUT", "/v1/web/\(name)", token: token, ["Content-Length: \(bytes.count)"])
    for part in [0, 1, 1 << 20, bytes.count - 1] {
      do {
        let connection = try RawConnection(port: bench.port)
        try connection.send(head + bytes.prefix(part))
        usleep(50_000)
      }
      // A busy server may begin with it only now.
      var quiet = 0
      for _ in 0..<1_500 where quiet < 10 {
        usleep(20_000)
        quiet = PaceTests.temporaries(bench) == 0 ? quiet + 1 : 0
      }
      #expect(quiet == 10)
      #expect(try bench.local().size(name) == nil)
      #expect(try bench.ask("GET", "/v1/web/\(name)", token: token).status == 404)
    }
    #expect(try bench.ask("PUT", "/v1/web/\(name)", token: token, body: bytes).status == 201)
  }

  /// One that does not end holds it up only so long.
  @Test func stoppingEnds() throws {
    let bench = try ServerBench { $0.stopSeconds = 1 }
    try bench.local().create()
    let token = try bench.token(.full)
    let connection = try RawConnection(port: bench.port)
    try connection.send(
      RawConnection.request("PUT", "/v1/web/log/checkpoint", token: token, ["Content-Length: 100"]))
    usleep(200_000)
    #expect(bench.stops(within: 300))
    #expect(try bench.local().size("log/checkpoint") == nil)
    #expect(PaceTests.temporaries(bench) == 0)
  }

  @Test func certificatesAreRenewed() throws {
    let own = try CertificateAuthority()
    let bench = try ServerBench(encrypted: true) {
      $0.certificates = try ServerCertificates(certificatePath: own.certificate, keyPath: own.key)
    }
    try bench.local().create()
    var options = ServerStorage.Options()
    options.credential = try ServerCredential(
      SecretBytes(copying: Array(try bench.token(.full).utf8)))
    options.exchange.authorities = own.authority
    let location = try ServerLocation("varve+https://localhost:\(bench.port)/web")
    #expect(try ServerStorage(location, options: options).size("config") == nil)
    // Another authority's certificate is refused.
    #expect(throws: VarveError(.unavailable, "")) {
      try bench.storage(token: try bench.token(.full)).size("config")
    }
    // A key that is not the certificate's changes nothing.
    let other = try CertificateAuthority.shared.get()
    try FileBytes.write(try FileBytes.read(other.certificate), to: own.certificate)
    bench.reload()
    #expect(try ServerStorage(location, options: options).size("config") == nil)
    try FileBytes.write(try FileBytes.read(other.key), to: own.key)
    bench.reload()
    #expect(try bench.storage(token: try bench.token(.full)).size("config") == nil)
    #expect(throws: VarveError(.unavailable, "")) {
      try ServerStorage(location, options: options).size("config")
    }
    #expect(throws: VarveError(.usage, "")) {
      _ = try ServerCertificates(certificatePath: "/nonexistent", keyPath: own.key)
    }
  }
}
