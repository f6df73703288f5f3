import Foundation
import Glibc
import Testing

extension ScenarioCTests {
  private static let tenants = [
    "acme": "acme.tar", "birch": "birch.tar", "cobalt": "cobalt.tar.gz",
  ]

  /// Containers by tier, hot backups of what has changed, and home directories on demand.
  @Test func scenarioCTenants() throws {
    let platform = try Platform("C. Tenants")
    let here = platform.here
    // Each tier keeps its own time: 7, 30 and 365 days.
    let nights = [380, 360, 40, 20, 8, 6, 1, 0]
    for night in nights {
      try here.write("{\"night\": \(night)}\n", to: container(platform, "acme", "app/state.json"))
      try platform.type(
        "varve run containers", at: "-\(night)d", showing: night == 380 || night == 0 ? 4 : 0)
    }
    for (tenant, kept) in ["acme": 3, "birch": 5, "cobalt": 7] {
      #expect(try platform.snapshots("containers", tenant).count == kept, "\(tenant)")
    }
    #expect(
      try platform.snapshots("containers", "cobalt").allSatisfy {
        $0["tags"].strings == ["enterprise"]
      })
    for (tenant, file) in Self.tenants {
      try platform.type(
        "mkdir ~/\(tenant) && varve dump latest /\(file) --path /\(file) | tar -x\(file.hasSuffix("z") ? "z" : "") -C ~/\(tenant)"
      )
      try here.expectEqual(container(platform, tenant), here.root + "/home/\(tenant)")
    }
    let old = try #require(try platform.snapshots("containers", "acme").first?["id"].string)
    let state = try platform.type(
      "varve dump \(old.prefix(8)) /acme.tar | tar -xO ./app/state.json")
    #expect(state.text == "{\"night\": 6}\n")

    platform.say("one container cannot be exported: nothing is saved of it, and all of the others")
    rename(container(platform, "cobalt"), here.root + "/away")
    let failed = try platform.type("varve run containers", code: 1, showing: 6)
    #expect(failed.text.contains("cobalt: failed"), "\(failed.text)")
    #expect(try platform.snapshots("containers", "cobalt").count == 7)
    #expect(try platform.snapshots("containers", "acme").count == 4)
    rename(here.root + "/away", container(platform, "cobalt"))

    try hotBackups(platform)
    try homes(platform)
    let drill = try platform.type("varve drill run containers")
    #expect(drill.text.contains("passed") && drill.text.contains("of 10 min"))
    try platform.type("varve check --read-data")
  }

  private func container(_ platform: Platform, _ tenant: String, _ file: String? = nil) -> String {
    "\(platform.root)/containers/\(tenant)" + (file.map { "/" + $0 } ?? "")
  }

  /// Every six hours, of containers that have changed, the newest alone.
  private func hotBackups(_ platform: Platform) throws {
    let here = platform.here
    platform.say("hot backups, every six hours")
    let script = """
      for name in $(docker ps --format '{{.Names}}'); do
        docker export "$name" | varve import tar - --as-path "/containers/$name" --tag hot --skip-if-unchanged --quiet
      done
      varve forget --tag hot --keep-last 1 --quiet
      """
    func hot() throws -> [String: String] {
      let found = try here.snapshots("--tag", "hot")
      #expect(found.count == 3)
      return Dictionary(
        found.map { ($0["paths"][0].string ?? "", $0["id"].string ?? "") }, uniquingKeysWith: { $1 }
      )
    }
    try platform.type(script, at: "-18h", showing: 2)
    let first = try hot()
    try platform.type(script, at: "-12h", showing: 0)
    #expect(try hot() == first)
    try here.write("{\"orders\": 7}\n", to: container(platform, "birch", "app/state.json"))
    try platform.type(script, at: "-6h", showing: 0)
    let second = try hot()
    #expect(second["/containers/birch"] != first["/containers/birch"])
    #expect(second["/containers/acme"] == first["/containers/acme"])
    #expect(second["/containers/cobalt"] == first["/containers/cobalt"])
    try platform.type("varve snapshots --tag hot", showing: 6)
    let newest = try #require(second["/containers/birch"])
    try platform.type("varve restore \(newest.prefix(8)):/containers/birch --target ~/birch-hot")
    try here.expectEqual(
      container(platform, "birch"), here.root + "/home/birch-hot", "--skip-root")
    // By the nightly tiers nothing of these has changed.
    #expect(try platform.snapshots("containers", "birch").count == 6)
  }

  private func homes(_ platform: Platform) throws {
    let here = platform.here
    platform.say("a home directory, on demand")
    let due = try platform.type("varve schedule show", showing: 0)
    #expect(!due.text.contains("homes") && due.text.contains("databases"))
    try platform.type("varve run homes")
    let home = platform.root + "/home/acme"
    try here.copy(home, to: here.root + "/home-before")
    try here.write("spoilt", to: home + "/notes.txt")
    try here.write("more", to: home + "/more.txt")
    try platform.type("varve run homes", showing: 0)
    let found = try platform.snapshots("homes", "acme")
    #expect(found.count == 2)
    let time = try #require(found[0]["time"].string)
    try platform.type(
      "varve restore --profile homes --source acme --at '\(time)' --delete", showing: 2)
    try here.expectEqual(home, here.root + "/home-before", "--skip-root")
  }
}
