import Foundation
import Glibc
import Testing

extension ScenarioCTests {
  /// The server is gone: S3 and the recovery key on paper are what is left.
  @Test func scenarioCServer() throws {
    let platform = try Platform("C. A new server, from S3 and the recovery key")
    let here = platform.here
    try platform.start()
    try platform.type("varve key export ~/recovery-key", showing: 1)
    let recovery = try here.read(here.root + "/home/recovery-key")
    try platform.type(
      "varve server-token add --service \(platform.configuration)/service.tokens --label ops --kind full >~/ops.token"
    )
    try platform.type("docker stop platform", showing: 0)
    try platform.type("varve run --all", showing: 20)
    let lost = try platform.type("varve key list --json", showing: 0)
    try here.copy(platform.root, to: here.root + "/as-it-was")
    try here.copy(here.root + "/etc", to: here.root + "/etc-as-it-was")

    platform.say("the server is lost, and all that was on it")
    for name in ["host", "etc", "home", "cache", "state", "drills", "password"] {
      try here.remove(here.root + "/" + name)
    }
    try here.write(recovery, to: here.root + "/home/recovery-key")
    try here.write("", to: here.root + "/drills/.keep")
    let started = monotonicSeconds()
    let configuration = platform.configuration
    let bare: [String: String?] = ["VARVE_KEY_FILE": nil, "VARVE_CONFIG": nil]
    try platform.type(
      "mkdir -p \(configuration) && varve key import ~/recovery-key --new-key-file \(configuration)/owner.key",
      environment: bare)
    try platform.type(
      "varve restore latest:\(configuration) --path \(configuration) --target \(configuration)",
      environment: ["VARVE_CONFIG": nil])
    try platform.type("varve config check")
    try platform.type("varve restore --profile databases", showing: 14)
    try platform.type("varve restore --profile homes")
    for (name, command) in [
      ("acme.tar", "cat"), ("birch.tar", "cat"), ("cobalt.tar.gz", "gunzip"),
    ] {
      let tenant = String(name.prefix { $0 != "." })
      try platform.type(
        "varve dump latest /\(name) --path /\(name) | \(command) | docker import - \(tenant) && docker start \(tenant)"
          .replacing("| cat ", with: ""))
    }
    try platform.type("varve run --all && varve drill run databases && varve status", showing: 30)
    let seconds = monotonicSeconds() - started
    platform.say("the server: \(String(format: "%.1f", seconds)) s, and 1 h is the target")
    #expect(seconds < 3600)

    for name in ["db", "containers", "home"] {
      // A database's journal of a clean stop is empty, or not there.
      for beside in try FileManager.default.contentsOfDirectory(atPath: here.root + "/as-it-was/db")
      where beside.hasSuffix("-wal") || beside.hasSuffix("-shm") {
        try here.remove(here.root + "/as-it-was/db/" + beside)
      }
      if name == "db" {
        for database in Platform.databases {
          let path = "/db/\(database).db"
          #expect(
            try platform.transactions(in: platform.root + path)
              == platform.transactions(in: here.root + "/as-it-was" + path), "\(database)")
        }
        continue
      }
      try here.expectEqual(
        "\(platform.root)/\(name)", "\(here.root)/as-it-was/\(name)", "--skip-root")
    }
    for name in ["varve.yaml", "service.tokens"] {
      #expect(
        try here.read("\(configuration)/\(name)")
          == here.read("\(here.root)/etc-as-it-was/varve/\(name)"))
    }
    // The keys of the lost server open nothing any more.
    let own = try #require(
      try platform.type("varve key list --json", showing: 0).document().list.first {
        $0["current"].flag == true
      }?["id"].string)
    for key in try lost.document().list {
      let id = try #require(key["id"].string)
      #expect(id != own)
      try platform.type("varve key remove \(id.prefix(8))", showing: 1)
    }
    try platform.type(
      "varve snapshots",
      environment: ["VARVE_KEY_FILE": here.root + "/etc-as-it-was/varve/owner.key"], code: 12)
    try platform.type("varve check --read-data", showing: 2)
  }
}
