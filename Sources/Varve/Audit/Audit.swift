internal import VarveFormat
internal import VarveProof
import VarveRepository
public import VarveStorage

/// Verifies without any key that nothing of a repository's history was altered, lost or let go against the rules
/// (docs/audit.md).
///
/// ```
/// chain      every commit from storage: form, signature, author's chain, place, roles and state (ChainAudit)
/// times      claims against each other and against what is proved (TimeAudit)
/// judgement  what was forgotten, by the policy that was in force then; gaps, checks (HistoryAudit)
/// objects    what is live against storage
/// ```
/// Time: O(entries); for each commit that forgets, also the live snapshots of the sources concerned times the policy's
/// rules. Memory: some 400 bytes for each entry, most of them the log's state.
public enum Audit {
  /// - Returns: what was found; broken links are findings, not errors.
  /// - Throws: `.noRepository`; `.damaged` when `config` cannot be believed, so that there is nothing to audit;
  ///   `.unsupportedFormat`, `.usage` for a key that is none; `.io`, `.interrupted`.
  public static func run(
    storage: any StorageBackend, options: AuditOptions
  ) throws -> AuditReport {
    let now = WallClock.now()
    let repository = try Repository.open(storage: storage)
    var findings: [AuditFinding] = []
    let given = options.key ?? options.policy.logKey
    if let finding = try judge(given, repository.config.logKey) { findings.append(finding) }

    var chain = ChainAudit(repository, options)
    try chain.run()
    findings += chain.findings
    if findings.allSatisfy({ $0.severity == .notice }) { try chain.remember() }
    let windows = TimeWindows(chain.attested.map(\.proof))
    let times = TimeAudit(chain.history, windows, now: now, delay: options.policy.delay)
    let to = options.to ?? now
    let period = times.period(from: options.from, to: to)
    var judged = HistoryAudit(
      chain.history, times, chain.attested, options.policy,
      roles: chain.fold.state.authors.mapValues(\.role), period: period, to: to)
    judged.run()
    findings += times.findings(in: period) + judged.findings

    var objects: AuditReport.Objects?
    if options.objects != .none && chain.isWhole {
      let found = try KeylessObjects(
        chain.fold.state, storage: storage, hashes: options.objects == .hash,
        cancellation: options.cancellation)
      objects = AuditReport.Objects(
        mode: options.objects, checked: found.objects, bytesRead: found.bytesRead,
        unreferenced: UInt64(found.unreferenced.count))
      findings += Self.findings(found)
    }
    return AuditAssembly(
      repository: repository, chain: chain, times: times, judged: judged, options: options,
      period: period, from: options.from, to: to, now: now, isKeyGiven: given != nil
    ).report(findings, objects)
  }

  /// The key is what everything else is verified with.
  private static func judge(_ given: String?, _ stored: String) throws -> AuditFinding? {
    guard let given else {
      return AuditFinding(
        .notice, .key,
        "nobody vouches for the log's key but the repository itself; give --key, from somebody who knows it"
      )
    }
    let key: VerifierKey
    do {
      key = try VerifierKey(text: given)
    } catch {
      throw VarveError(
        .usage, "the verifier key that was given is none",
        hint: "it looks like varve/<id>+<8 digits>+<base64>; see 'varve cat config'")
    }
    guard key.text != stored else { return nil }
    return AuditFinding(
      .broken, .key, object: ObjectName.config,
      "the repository's log has the key \(stored), not the one that was given")
  }

  private static func findings(_ found: KeylessObjects) -> [AuditFinding] {
    found.damages.map { damage in
      AuditFinding(
        .broken, .object, object: damage.object,
        "\(damage.object) is \(damage.kind.rawValue): \(damage.message)")
    }
      + found.notChecked.map { AuditFinding(.notice, .object, "not checked: \($0)") }
  }
}
