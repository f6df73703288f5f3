import Foundation
import Glibc
import Testing

/// What `make install` and `make deb` make, besides programs.
@Suite struct PackagingTests {
  @Test func everyCommandHasAManualPage() throws {
    let here = try Workspace()
    let made = try here.run([
      Tools.python, Tools.sources + "/scripts/man-pages", Tools.varve, here.root + "/man",
    ])
    try #require(made.code == 0, "\(made.errors)")
    let pages = try FileManager.default.contentsOfDirectory(atPath: here.root + "/man")
    let help = try here.succeed("--help").text
    let lists = help.firstRange(of: "SUBCOMMANDS:").map { help[$0.upperBound...] } ?? ""
    let commands = lists.split(separator: "\n").filter {
      $0.hasPrefix("  ") && !$0.hasPrefix("   ")
    }
    .compactMap { $0.split(separator: " ").first.map(String.init) }
    .filter { $0.allSatisfy { $0.isLowercase || $0 == "-" } && !$0.hasPrefix("-") }
    #expect(commands.contains("backup") && commands.contains("import"))
    for command in commands where command != "varve" && command != "help" {
      #expect(pages.contains("varve-\(command).1"), "\(command)")
    }
    #expect(pages.contains("varve-key-add.1"))
    let restore = String(decoding: try here.read(here.root + "/man/varve-restore.1"), as: UTF8.self)
    #expect(restore.contains(".Sh SYNOPSIS") && restore.contains("\\-\\-safety"))
    // Nothing that troff stumbles over, where there is one.
    guard try here.run(["sh", "-c", "command -v groff"]).code == 0 else { return }
    let checked = try here.run([
      "sh", "-c",
      "for page in \(here.root)/man/*.1; do groff -mandoc -Tutf8 -ww $page >/dev/null; done",
    ])
    #expect(checked.errors.isEmpty, "\(checked.errors.prefix(500))")
  }

  /// In a root of its own: installing, a scheduled backup by the unit's command line, removing, purging.
  @Test(
    .enabled(if: Tools.soak && Tools.isRoot, "half a minute, as root: scripts/test-debian-package"))
  func theDebianPackageInstallsRunsAndPurges() throws {
    let here = try Workspace(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
    here.environment["DEB_COMPRESSION"] = "gzip"
    let made = try here.run([
      Tools.sources + "/scripts/debian-package", Tools.parent(Tools.varve), here.root,
    ])
    try #require(made.code == 0, "\(made.errors)")
    let package = try #require(made.text.split(separator: "\n").last.map(String.init))
    let tested = try here.run([Tools.sources + "/scripts/test-debian-package", package])
    #expect(tested.code == 0, "\(tested.text)\(tested.errors)")
    print(tested.text, terminator: "")
  }
}
