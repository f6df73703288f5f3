import Foundation
import Glibc
import Testing
import VarveTestSupport
import VarveTestThreads

/// Repositories that are somewhere else, by the command line.
@Suite(.onOwnThreads) struct OffsiteTests {
  @Test(arguments: OffsitePlace.Kind.allCases)
  func theWholeLifeOfARepository(_ kind: OffsitePlace.Kind) throws {
    let here = try Workspace()
    let place = try OffsitePlace(kind, here)
    try here.makeSmallTree(files: 20)
    try place.succeed("init")
    #expect(try place.varve("init").code == 1)
    try place.succeed("backup", here.source)
    try here.write("changed", to: here.source + "/dir1/file1")
    try place.succeed("backup", here.source)
    try place.expectRestores()
    try place.succeed("check", "--read-data")
    try place.succeed("log", "verify")
    try place.succeed("forget", "--keep-last", "1")
    try place.succeed("prune", "--now", "--max-unused", "0")
    #expect(try place.succeed("snapshots", "--json").document().list.count == 1)
    try place.succeed("check", "--read-data")
    try place.expectRestores()
  }

  /// The machine is gone; what is left is the URL and the recovery key in the safe.
  @Test(arguments: OffsitePlace.Kind.allCases)
  func aNewMachineRestoresEverything(_ kind: OffsitePlace.Kind) throws {
    let here = try Workspace()
    let place = try OffsitePlace(kind, here)
    try here.makeSmallTree(seed: 5)
    try place.succeed("init")
    try place.succeed("backup", here.source)
    try place.succeed("key", "export", here.root + "/recovery")
    for directory in ["home", "cache", "state", "config"] {
      try here.remove(here.root + "/" + directory)
      here.environment["XDG_\(directory.uppercased())_HOME"] = here.root + "/new/" + directory
    }
    here.environment["HOME"] = here.root + "/new"
    here.environment["VARVE_PASSWORD_FILE"] = nil
    here.environment["VARVE_KEY_FILE"] = here.root + "/recovery"
    try place.expectRestores()
    try place.succeed("log", "verify")
    try place.succeed("check", "--read-data")
  }

  /// A twin on another kind of store, and copies from one into the other.
  @Test func twinsAndCopiesAcrossKinds() throws {
    let here = try Workspace()
    try here.makeSmallTree(seed: 6)
    try here.succeed("init")
    try here.backup()
    let source = here.repository
    let twin = try OffsitePlace(.s3, here)
    try twin.succeed("mirror", "--from-repo", source)
    // A receipt would be an entry of the twin's own.
    try twin.expectRestores("--no-receipt")
    try twin.succeed("check", "--read-data", "--no-record")
    try twin.succeed("mirror", "--from-repo", source, "--read-data")
    let other = try OffsitePlace(.server, here)
    try other.succeed("init")
    try other.succeed(
      "copy", "--from-repo", source, "--from-password-file", here.passwordFile)
    try other.expectRestores()
  }

  /// An unattended host can add backups, and nothing else: neither its key nor its token lets it.
  @Test func whoeverStealsAWritersCredentials() throws {
    let here = try Workspace()
    let owner = try OffsitePlace(.server, here)
    try here.makeSmallTree(seed: 7)
    try owner.succeed("init")
    try owner.succeed("backup", here.source)
    try owner.succeed("key", "add", "--new-key-file", here.root + "/writer", "--role", "writer")
    let token = try here.succeed(
      "server-token", "add", "--label", "host", "--kind", "append", here.root + "/served", "web")
    try here.write(token.text, to: here.root + "/append-token")
    // The running server notices new tokens within two seconds.
    usleep(2_500_000)
    here.environment["XDG_CACHE_HOME"] = here.root + "/writer-cache"
    here.environment["XDG_STATE_HOME"] = here.root + "/writer-state"
    let location = try #require(here.environment["VARVE_REPOSITORY"])
    let writer = OffsitePlace(
      here, location,
      [
        "--server-token-file", here.root + "/append-token", "--key-file", here.root + "/writer",
      ], [])
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try here.write("by the writer", to: here.source + "/new")
    try writer.succeed("backup", here.source)
    for command in [
      ["restore", "latest", "--target", here.target], ["ls", "latest"], ["forget", "latest"],
      ["prune", "--now"], ["dump", "latest", here.source + "/new"], ["find", "new"],
      ["key", "add", "--new-key-file", here.root + "/x"], ["tag", "--add", "x", "latest"],
    ] {
      let outcome = try here.varve(command + writer.arguments)
      #expect(outcome.code == 1, "\(command[0]): \(outcome.code)\n\(outcome.errors)")
    }
    let listed = try writer.succeed("snapshots").text
    #expect(!listed.contains(here.source))
    // The token itself: nothing is overwritten, nothing deleted.
    let name = try #require(here.objects("packs/", repository: here.root + "/served/web").first)
    let url = location.dropFirst("varve+".count).replacing("/web", with: "/v1/web")
    for (method, object) in [
      ("DELETE", name), ("PUT", "config"), ("DELETE", "log/commits/0000000000000000"),
      ("PUT", "log/commits/0000000000000000"), ("DELETE", "config"), ("PUT", name),
    ] {
      let status = try here.run([
        "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--request",
        method, "--data-binary", "x", "--header",
        "Authorization: Bearer \(token.text.filter { !$0.isWhitespace })", "\(url)/\(object)",
      ]).text
      #expect(
        ["403", "409", "412", "422", "428"].contains(status), "\(method) \(object): \(status)")
    }
    here.environment["VARVE_PASSWORD_FILE"] = here.passwordFile
    try owner.succeed("check", "--read-data")
    try owner.expectRestores()
  }

  /// What is still in use when it is pruned stays locked as long as what is stored then.
  @Test func pruningExtendsLocks() throws {
    let here = try Workspace()
    let server = MemoryS3()
    let place = OffsitePlace(here, s3: server.port, [server])
    try here.makeSmallTree(seed: 8)
    try place.succeed("init", "--option", "s3.retention=governance:10")
    try place.succeed("backup", here.source, "--option", "s3.retention=governance:10")
    let pack = try #require(server.objects.keys.first { $0.contains("/packs/") })
    let before = try #require(server.retention(of: pack)?.until)
    try place.succeed("prune", "--option", "s3.retention=governance:20")
    for name in server.objects.keys where !name.contains("/log/checkpoint") {
      let end = try #require(server.retention(of: name)?.until, "\(name)")
      #expect(end > before, "\(name)")
    }
  }

  @Test func whatIsNoPlace() throws {
    let here = try Workspace()
    for place in ["s3:", "s3://", "s3:ftp://x/y", "sftp:", "varve+https://", "varve+https://h"] {
      here.environment["VARVE_REPOSITORY"] = place
      try here.fail(64, "snapshots", saying: ["hint"])
    }
    here.environment["VARVE_REPOSITORY"] = "s3:http://127.0.0.1:1/bucket/x"
    here.environment["AWS_ACCESS_KEY_ID"] = "a"
    here.environment["AWS_SECRET_ACCESS_KEY"] = "b"
    try here.fail(
      64, "snapshots", "--option", "s3.nothing=1", saying: ["s3.nothing".dropFirst(3).description])
    try here.fail(64, "snapshots", "--option", "sftp.args=x", saying: ["no option"])
    try here.fail(64, "snapshots", "--connections", "0")
    try here.fail(
      1, "snapshots", "--retry-limit", "1s", saying: ["given up", "run the same command"])
  }
}
