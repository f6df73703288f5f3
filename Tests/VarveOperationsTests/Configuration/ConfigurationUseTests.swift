import Glibc
import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

/// What would be refused only when it is used, and what is shown of it.
@Suite struct ConfigurationUseTests {
  private let directory = TemporaryDirectory()

  private func read(
    _ text: String, _ variables: [String: String] = [:]
  ) throws -> ConfigurationFile {
    try FileBytes.write(Array(text.utf8), to: directory("varve.yaml"))
    chmod(directory("varve.yaml"), 0o600)
    return try ConfigurationFile.read(directory("varve.yaml")) { variables[$0] }
  }

  private func problems(_ text: String, _ variables: [String: String] = [:]) throws -> [String] {
    try read(text, variables).problems.map {
      "\($0.position.line):\($0.position.column): \($0.message)"
    }
  }

  @Test func whatNobodyCouldUseIsSaidWithItsPlace() throws {
    let found = try problems(
      """
      repositories:
        bucket:
          location: s3:https://s3.example.org/backup
          options: {s3.regoin: x}
        house:
          location: sftp:u@h:/srv
          options: {s3.region: eu-central-1, sftp.command: "ssh 'x"}
        disk: {location: /srv, options: {local.x: 1}}
      notifications:
        a: {mail: ["not an address", "Zoë <z@example.org>", "a@b, c@d"]}
        b: {mail: {to: root, from: "a@b@c"}}
        c: {webhook: {url: "http://[::1", headers: {"X Y": a, X-Z: "a\\nb"}}}
        d: {ping: "https://h:99999/x"}
      """)
    let places: [String] = found.map { problem in
      problem.split(separator: ":").prefix(2).joined(separator: ":")
    }
    #expect(
      places == [
        "4:15", "7:15", "7:40", "8:36", "10:14", "10:55", "11:30", "12:22", "12:47", "12:62",
        "13:13",
      ])
    let expected = [
      "S3 has no option 'regoin'", "'s3.region' is no option of such a store",
      "ends within a quotation", "'local.x' is no option of such a store",
      "'not an address' is no address", "'a@b, c@d' is no address", "'a@b@c' is no address",
      "this is no URL that can be asked", "'X Y' is no name of a header",
      "the value of the header X-Z has a line end", "this is no URL that can be asked",
    ]
    #expect(found.count == expected.count)
    for (problem, words) in zip(found, expected) {
      #expect(problem.contains(words), "\(problem)")
    }
  }

  /// Also places of other programs, which were surely not meant as directories.
  @Test func placesThatNameNoStore() throws {
    let wrong: KeyValuePairs = [
      "s3:": "names no host", "s3:bucket": "names no bucket", "s3://": "names no bucket",
      "s3:https://h:99999/bucket": "a port that is none", "sftp:host": "no colon",
      "sftp://h/": "it has no path", "sftp://u@h:0/x": "no number from 1 to 65535",
      "varve+https://h": "names no repository", "varve+https://t@h/x": "a token is given",
      "b2:bucket:prefix": "names no store", "rest:https://h/x": "names no store",
      "file:///srv": "names no store", "user@host:backup": "names no store",
      "HTTPS://h/x": "names no store",
    ]
    for (location, words) in wrong {
      for text in [
        "repositories: {main: \"\(location)\"}",
        "repositories: {main: {location: \"\(location)\", password-command: x}}",
      ] {
        let found = try problems(text)
        #expect(found.count == 1 && found[0].contains(words), "\(location): \(found)")
        #expect(found.first?.hasPrefix("1:") == true)
      }
    }
    // A password is not shown again.
    #expect(try !problems("repositories: {main: \"x:geheim@h/y\"}").joined().contains("geheim"))
    for location in ["local:a:b", "./a:b", "/srv/a:b", "a/b:c", "~/a:b", "s3:host/bucket"] {
      let found = try problems("repositories: {main: \"\(location)\"}")
      #expect(found.allSatisfy { $0.contains("HOME is not set") }, "\(location): \(found)")
    }
  }

  @Test func whatCanBeUsedIsRight() throws {
    let file = try read(
      """
      repositories:
        bucket:
          location: s3:https://s3.example.org/backup
          options: {s3.region: eu-central-1, s3.adds-only: true}
        house: {location: "sftp:u@h:/srv", options: {sftp.args: -p 22}}
      notifications:
        a: {mail: [root, "Zoë <z@example.org>"]}
        b: {webhook: {url: "http://[::1]:80/x?y=z", headers: {X-Name: "Zoë\\tx"}}}
        c: {ping: "https://u:${P}@h/${P}"}
      """, ["P": "x"])
    #expect(file.problems.isEmpty, "\(file.problems)")
  }

  /// Beside what is missing nothing else is said of the value, which nobody knows.
  @Test func whatTheEnvironmentLacksIsOneProblem() throws {
    let file = try read(
      """
      repositories: {bucket: {location: "${PLACE}", options: {s3.region: x}}}
      notifications:
        a: {webhook: {url: "http://${HOST}:${PORT}", headers: {Authorization: "Bearer ${CHAT_TOKEN}"}}}
        b: {mail: "${ADDRESS} x"}
        c: {command: {run: x, environment: {API_TOKEN: "${API_TOKEN}"}}}
      """)
    #expect(file.warnings.isEmpty, "\(file.warnings)")
    #expect(file.problems.count == 5)
    for problem in file.problems {
      #expect(problem.message.hasPrefix("the environment has no "), "\(problem)")
    }
    #expect(file.variables == ["PLACE", "HOST", "CHAT_TOKEN", "ADDRESS", "API_TOKEN"])
  }

  @Test func secretsOfMetadataAndVariablesAreHidden() throws {
    let file = try read(
      """
      repositories: {main: /srv}
      profiles:
        web:
          sources: [/etc]
          meta: {token: geheim1, release: "1.4"}
          hooks: {before: {run: x, environment: {MYSQL_PWD: geheim2, PWD: /offen}}}
      """)
    let shown = YAMLWriter(
      ConfigurationText(written: file.written).value(try file.checked())
    ).text
    #expect(!shown.contains("geheim"), "\(shown)")
    #expect(shown.contains("1.4") && shown.contains("/offen"))
    #expect(file.warnings.count == 1 && file.warnings[0].contains("MYSQL_PWD"))
  }

  @Test func directoriesOfTheConfiguration() throws {
    let text = "state: /var/lib/varve\ncache: cache\nrepositories: {main: /srv}\n"
    let configuration = try read(text).checked()
    #expect(configuration.stateDirectory == "/var/lib/varve")
    #expect(configuration.cacheDirectory == directory("cache"))
    let shown = YAMLWriter(ConfigurationText(written: [:]).value(configuration)).text
    let again = try read(shown).checked()
    #expect(again.stateDirectory == configuration.stateDirectory)
    #expect(again.cacheDirectory == configuration.cacheDirectory)
    let twice = try problems("state: /a\ninclude: [other.yaml]\n")
    #expect(twice.count == 1, "there is no such file")
    try FileBytes.write(Array("state: /b\n".utf8), to: directory("other.yaml"))
    chmod(directory("other.yaml"), 0o600)
    #expect(
      try problems("state: /a\ninclude: [other.yaml]\n").first?.contains(
        "'state' is defined already") == true)
  }
}
