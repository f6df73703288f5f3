import Foundation
import Glibc
import Testing
import VarveTestThreads

/// What `make install` and `make deb` make, besides programs.
@Suite(.onOwnThreads) struct PackagingTests {
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

  /// What the package puts into /etc, with the comment signs of the example taken away.
  @Test func theExampleConfigurationIsRight() throws {
    let here = try Workspace()
    let text = try here.text(of: Tools.sources + "/packaging/varve.yaml")
    let example = text.split(separator: "\n", omittingEmptySubsequences: false)
      .drop { !$0.hasPrefix("# repositories:") }.map { $0.dropFirst(2) }
    #expect(example.count > 10)
    try here.write(example.joined(separator: "\n") + "\n", to: here.root + "/varve.yaml")
    let checked = try here.varve("config", "check", "--config", here.root + "/varve.yaml")
    #expect(checked.code == 0, "\(checked.errors)")
    let asItStands = try here.varve(
      "config", "check", "--config", Tools.sources + "/packaging/varve.yaml")
    #expect(asItStands.code == 0, "\(asItStands.errors)")
  }

  private static let canMount =
    Tools.isRoot
    && (try? RunningProcess(
      ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], environment: [:]
    ).wait().code) == 0

  /// In a root of its own: installing, a scheduled backup by the unit's command line, removing, purging.
  @Test(.enabled(if: canMount, "takes root, and a kernel that lets it mount"))
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
