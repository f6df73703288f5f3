import Foundation
import Glibc
import Testing
import VarveTestThreads

extension Workspace {
  func text(of path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }
}

@Suite(.onOwnThreads) struct ScheduleCommandTests {
  private static let profiles = """
    profiles:
      nightly: {schedule: "daily at 02:30", sources: [/etc/hostname]}
      often: {schedule: every 6h, sources: [/etc/hosts]}

    """

  private func bench() throws -> Workspace {
    let here = try Workspace()
    try here.configure(Self.profiles)
    return here
  }

  /// Schedules of five fields against croniter, in UTC: the times that `schedule show` prints.
  @Test func timesAreThoseOfCroniter() throws {
    let here = try Workspace()
    let script = """
      import json, random, subprocess, sys, datetime
      from croniter import croniter
      varve, directory, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
      chance = random.Random(5)
      def field(low, high):
          # A range of one value is the whole range to croniter.
          a, b = sorted(chance.sample(range(low, high + 1), 2))
          return chance.choice(["*", "*", f"{a}", f"{a}-{b}", f"{a},{b}", f"*/{chance.randint(1, 9)}", f"{a}-{b}/2"])
      texts = []
      while len(texts) < rounds:
          days = field(1, 28)
          week = field(0, 6)
          # Days with a step count as restricted here and as free in croniter, or the other way round.
          if "/" in days + week: continue
          texts.append(f"{field(0, 59)} {field(0, 23)} {days} {field(1, 12)} {week}")
      with open(directory + "/c.yaml", "w") as f:
          f.write("repositories: {main: /srv}\\nprofiles:\\n")
          for number, text in enumerate(texts):
              f.write(f"  p{number:04}: {{schedule: '{text}', sources: [/etc]}}\\n")
      out = subprocess.run([varve, "schedule", "show", "--json", "--next", "9", "--config", directory + "/c.yaml"], check=True, stdout=subprocess.PIPE).stdout
      lines = [json.loads(line) for line in out.splitlines()]
      assert len(lines) == rounds
      for text, line in zip(texts, lines):
          assert line["is_due"] and line["schedules"] == [text]
          first, *rest = [datetime.datetime.fromisoformat(t) for t in line["next"]]
          judge = croniter(text, first)
          expected = [judge.get_next(datetime.datetime) for _ in rest]
          assert rest == expected, (text, rest, expected)
      """
    let outcome = try here.run([
      Tools.judges, "-c", script, Tools.varve, here.root, "\(Tools.rounds(300, soak: 900))",
    ])
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  @Test func showSaysWhatIsDue() throws {
    let here = try bench()
    try here.succeed("init")
    let before = try here.succeed("schedule", "show", "--config", here.configurationFile).text
    #expect(before.contains("profile nightly") && before.contains("never"))
    #expect(try here.runProfiles("--due").code == 0)
    let after = try here.succeed("schedule", "show", "--json", "--config", here.configurationFile)
    let documents = try after.documents()
    #expect(documents.map { $0["what"].string } == ["profile nightly", "profile often"])
    #expect(
      documents.allSatisfy { $0["is_due"].bool == false && $0["last_result"].string == "success" })
    // 02:30, three days in a row.
    #expect(
      documents[0]["next"].list.map { $0.string?.contains("T02:30:00") } == [true, true, true])
  }

  @Test func unitsAreVerifiedBySystemd() throws {
    let here = try bench()
    let directory = here.root + "/units"
    for arguments in [[], ["--user"], ["--run-as", "daemon"]] {
      let outcome = try here.varve(
        [
          "schedule", "install", "--systemd", "--output", directory, "--config",
          here.configurationFile,
        ]
          + arguments)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.text == "\(directory)/varve.service\n\(directory)/varve.timer\n")
      #expect(outcome.errors.contains("then: systemctl"))
      let timer = try here.text(of: directory + "/varve.timer")
      #expect(timer.contains("OnCalendar=*-*-* 02:30:00\n") && timer.contains("Persistent=true"))
      #expect(
        timer.contains("OnUnitActiveSec=900s\n") && timer.contains("RandomizedDelaySec=300s"))
      let service = try here.text(of: directory + "/varve.service")
      #expect(service.contains("ExecStart=\(Tools.varve) run --due --quiet --config "))
      #expect(service.contains("NoNewPrivileges=yes"))
      #expect(service.contains("ProtectSystem=strict") == (arguments != ["--user"]))
      #expect(service.contains("AmbientCapabilities=CAP_DAC_READ_SEARCH") == (arguments.count == 2))
      if access("/usr/bin/systemd-analyze", X_OK) == 0 {
        let verified = try here.run(
          [
            "systemd-analyze", "verify", "--man=no", directory + "/varve.service",
            directory + "/varve.timer",
          ])
        // What it says of units of the system is not ours.
        #expect(!verified.errors.contains("varve."), "\(verified.errors)")
      }
    }
    // Hooks need what daemon knows.
    try here.configure(Self.profiles + "  h: {sources: [/tmp/x], hooks: {before: 'true'}}\n")
    try here.succeed(
      "schedule", "install", "--systemd", "--output", directory, "--config", here.configurationFile)
    let service = try here.text(of: directory + "/varve.service")
    #expect(service.contains("ProtectSystem=full") && !service.contains("ReadWritePaths"))
    #expect(!service.contains("PrivateTmp"))
    try here.succeed("schedule", "remove", "--systemd", "--output", directory)
    let again = try here.varve("schedule", "remove", "--systemd", "--output", directory)
    #expect(again.code == 1 && again.errors.contains("nothing that 'varve schedule install' wrote"))
    try here.write("[Timer]\n", to: directory + "/varve.timer")
    let refused = try here.varve(
      "schedule", "install", "--systemd", "--output", directory, "--config", here.configurationFile)
    #expect(refused.code == 1 && refused.errors.contains("was not written by"))
    #expect(access(directory + "/varve.service", F_OK) != 0)
  }

  @Test func linesForCron() throws {
    let here = try bench()
    try here.succeed(
      "schedule", "install", "--cron", "--output", here.root, "--config", here.configurationFile)
    let text = try here.text(of: here.root + "/varve")
    let variables =
      "[ ! -e /etc/varve/environment ] || { set -a; . /etc/varve/environment; set +a; }; "
    #expect(
      text.contains("30 2 * * * root \(variables)\(Tools.varve) run --due --quiet --config "))
    #expect(text.contains("*/15 * * * * root ") && text.contains("HOME=\(here.root)/home\n"))
    let own = try here.succeed(
      "schedule", "install", "--cron", "--user", "--config", here.configurationFile)
    let file = here.root + "/config/varve/environment"
    #expect(
      own.text.contains(
        "30 2 * * * [ ! -e \(file) ] || { set -a; . \(file); set +a; }; \(Tools.varve) run --due"))
    try here.configure("profiles: {a: {sources: [/etc]}}\n")
    let nothing = try here.varve(
      "schedule", "install", "--cron", "--output", here.root, "--config", here.configurationFile)
    #expect(nothing.code == 64 && nothing.errors.contains("has a schedule"))
  }
}
