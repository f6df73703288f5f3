/// The keys of an operator's file: what is known about all of them.
package enum ConfigurationGrammar {
  package static let file = GrammarObject(
    name: "file", noun: "the file",
    fields: [
      GrammarField(
        "include", .oneOrMore(.path),
        "More files, as paths or glob patterns; what they say is added to what stands here"),
      GrammarField(
        "repositories", .map(.either([.path, .object(repository)])),
        "Where snapshots are kept, by name; a place alone stands for its `location`"),
      GrammarField("profiles", .map(.object(profile)), "What is captured together, by name"),
      GrammarField(
        "notifications", .map(.object(notification)), "Whom to tell what, by name"),
      GrammarField(
        "metrics-file", .path,
        "A Prometheus text file that is written anew after each run, for node_exporter's textfile "
          + "collector", default: "none"),
      GrammarField(
        "state", .path,
        "Where the journal of this host's runs and what it has verified of logs are kept; for all who run this configuration, "
          + "by a timer or by hand",
        default: "`VARVE_STATE_DIR`, `$XDG_STATE_HOME/varve` or `~/.local/state/varve`"),
      GrammarField(
        "cache", .path, "Where caches are kept, of repositories that do not say themselves",
        default: "`VARVE_CACHE_DIR`, `$XDG_CACHE_HOME/varve` or `~/.cache/varve`"),
      GrammarField(
        "service", .either([.text(.filled), .object(service)]),
        "The operator's service of `varve serve`; an address alone stands for its `listen`"),
    ], hasExtensions: true)

  static let repository = GrammarObject(
    name: "repository", noun: "a repository",
    fields: [
      GrammarField(
        "location", .path,
        "What `--repo` takes: a directory, `s3:https://host/bucket/prefix`, `s3://bucket/prefix`, "
          + "`sftp:user@host:/path` or `varve+https://host/name`", required: true),
      GrammarField("password-file", .path, "A file with the password"),
      GrammarField(
        "password-command", .text(.filled), "A shell command that prints the password"),
      GrammarField("key-file", .path, "A key file, as `varve key add --key-file` makes it"),
      GrammarField(
        "cache", .path, "Where to keep the cache", default: "the file's `cache`"),
      GrammarField(
        "connections", .integer(1...64), "Transfers at one time, where the store is not local",
        default: "16, SFTP 5"),
      GrammarField("limit-upload", .size, "Bytes sent in a second at most", default: "no limit"),
      GrammarField(
        "limit-download", .size, "Bytes received in a second at most", default: "no limit"),
      GrammarField(
        "retry-limit", .duration, "Go on asking a store that does not answer for so long",
        default: "15m"),
      GrammarField(
        "cacert", .path,
        "Certificates (PEM) of the authorities to believe over HTTPS in place of the system's"),
      GrammarField("server-token-file", .path, "A file with the token for a Varve server"),
      GrammarField(
        "options", .map(.anyScalar, keys: .filled),
        "What `--option` takes, such as `s3.region: eu-central-1`"),
      GrammarField(
        "witness-policy", .path,
        "Believe the log only with the cosignatures of a quorum of these witnesses"),
      GrammarField(
        "max-cosignature-age", .duration, "How old these may be", default: "of any age"),
      GrammarField(
        "tsa-ca", .path,
        "Certificates (PEM) of time-stamping authorities whose tokens count"),
      GrammarField(
        "max-unverified-age", .duration,
        "When checks have not read all data for so long, `varve status` calls it unverified",
        default: "no limit"),
      GrammarField(
        "maintenance", .object(maintenance),
        "What is done with the repository as a whole, by `varve run --due`"),
      GrammarField(
        "notify", .oneOrMore(.name), "Names of notifications that are told of its maintenance",
        default: "those of the profiles that use it: failure and recovery"),
    ], atMostOne: [["password-file", "password-command", "key-file"]],
    needs: ["max-cosignature-age": "witness-policy"])

  static let maintenance = GrammarObject(
    name: "maintenance", noun: "maintenance",
    fields: [
      GrammarField(
        "forget", .schedule, "When snapshots are forgotten by the policies in force",
        default: "never"),
      GrammarField(
        "prune", .schedule, "When data that nothing needs is removed", default: "never"),
      GrammarField("check", .schedule, "When the repository is checked", default: "never"),
      GrammarField(
        "read-data-subset", .text(.subset),
        "What such a check reads of the data: one of so many parts (`1/12`), which together are all; or "
          + "hundredths or bytes at random, which `varve status` never takes for all (`100%` is)",
        default: "no data"),
    ], needs: ["read-data-subset": "check"])

  static let notification = GrammarObject(
    name: "notification", noun: "a notification",
    fields: [
      GrammarField(
        "webhook", .either([.text(.url), .object(webhook)]),
        "JSON is sent there by POST; a URL alone stands for its `url`"),
      GrammarField(
        "mail", .either([.text(.filled), .list(.text(.filled), atLeast: 1), .object(mail)]),
        "Mail through the local `sendmail`; addresses alone stand for its `to`"),
      GrammarField(
        "command", command, "A command that gets JSON on its standard input"),
      GrammarField(
        "ping", .either([.text(.url), .object(ping)]),
        "A URL that is asked as healthchecks.io has it: with `/start` before, with `/fail` after a "
          + "failure; a URL alone stands for its `url`"),
      GrammarField(
        "events", .either([.text(.choice("all")), .list(.text(event), atLeast: 1)]),
        "What is told: any of `start`, `success`, `incomplete`, `failure`, `recovery` (the first success after "
          + "a run that was none) and `alarm` (of changes), or `all`",
        default:
          "incomplete, failure, recovery, alarm; of a ping: start, success, incomplete, failure"),
    ], exactlyOne: [["webhook", "mail", "command", "ping"]])

  private static let event = TextForm.choice(
    "start", "success", "incomplete", "failure", "recovery", "alarm")

  static let ping = GrammarObject(
    name: "ping", noun: "a ping",
    fields: [
      GrammarField("url", .text(.url), "What is asked", required: true),
      GrammarField(
        "incomplete", .text(.choice("fail", "log", "success")),
        "What it says of a run that is incomplete", default: "fail"),
    ])

  static let webhook = GrammarObject(
    name: "webhook", noun: "a webhook",
    fields: [
      GrammarField("url", .text(.url), "Where to", required: true),
      GrammarField(
        "headers", .map(.text(.any), keys: .filled),
        "What else the request says, such as `Authorization`"),
    ])

  static let mail = GrammarObject(
    name: "mail", noun: "mail",
    fields: [
      GrammarField("to", .oneOrMore(.text(.filled)), "Addresses", required: true),
      GrammarField("from", .text(.filled), "The sender", default: "sendmail's own"),
      GrammarField(
        "program", .path, "What takes `sendmail -t`'s place", default: "/usr/sbin/sendmail"),
    ])

  static let service = GrammarObject(
    name: "service", noun: "the service",
    fields: [
      GrammarField(
        "listen", .text(.filled), "What `varve serve --listen` takes, such as 127.0.0.1:8080",
        required: true),
      GrammarField("certificate-file", .path, "A chain of certificates (PEM), for HTTPS"),
      GrammarField("key-file", .path, "Its private key (PEM)"),
      GrammarField(
        "token-file", .path,
        "Tokens of those who may use the admin interface and the pages; without one, only this "
          + "host may ask"),
    ], needs: ["certificate-file": "key-file", "key-file": "certificate-file"])
}
