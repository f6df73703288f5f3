import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport

/// What witnesses, time-stamping authorities and those who ask them send to each other.
enum WitnessTargets {
  static func signer() throws -> WitnessSigner {
    try WitnessSigner(
      name: "w.example/1", seed: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
  }

  static func note() throws -> SignedNote {
    let key = try Ed25519SigningKey(
      seed: SecretBytes(copying: [UInt8](repeating: 8, count: 32)))
    let head = TreeHead(size: 7, root: Digest(1, 2, 3, 4))
    return try Checkpoint(origin: "log.example/1", head: head)
      .signed(by: NoteSigner(name: "log.example/1", key: key))
  }

  static func vector(_ name: String) throws -> [UInt8] {
    guard let record = try VectorFile.records("time-stamps.txt").first else { return [] }
    return try record.bytes(name)
  }
}

extension ParserTarget {
  static let witnessTargets: [ParserTarget] = [
    ParserTarget(
      "witness-key", tokens: ["+", "witness/"],
      seeds: { [Array(try WitnessTargets.signer().key.text.utf8)] },
      recode: { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return Array(try WitnessKey(text: text).text.utf8)
      }),
    ParserTarget(
      "witness-private-key", tokens: ["PRIVATE+KEY+", "+", "="],
      seeds: {
        let seed = SecretBytes(copying: [UInt8](repeating: 9, count: 32))
        return [
          try WitnessSigner.text(name: "w", seed: seed).withUnsafeBytes { Array($0.dropLast()) }
        ]
      },
      recode: { bytes in
        use(try WitnessSigner(text: SecretBytes(copying: bytes), "key").key.text)
        return nil
      }),
    // Has many spellings; what is read must read the same from the one that is written.
    ParserTarget(
      "witness-policy",
      tokens: [
        "log ", "witness ", "group ", "quorum ", "all ", "any ", "none", "\n", "\t", "#", " 1 ",
      ], refusals: [.usage, .unsupportedFormat],
      seeds: {
        let key = try WitnessTargets.signer().key.text
        let other = try WitnessSigner(
          name: "w2", seed: SecretBytes(copying: [UInt8](repeating: 7, count: 32))
        ).key.text
        return [
          "# comment\n\n log \(FuzzRepository.shared.config.logKey) http://x/\nwitness a \(key) http://w/\n"
            + "witness b \(other)\ngroup g 1 a b\ngroup h all g\nquorum h\n",
          "quorum none\n",
        ].map { Array($0.utf8) }
      },
      recode: { bytes in
        let policy = try WitnessPolicy(bytes, "policy")
        try require(
          try WitnessPolicy(policy.text, "policy") == policy, "a policy that reads back as another")
        let all = Set(policy.witnesses.map(\.key))
        try require(policy.isQuorum(all), "all witnesses that are no quorum")
        use(policy.isQuorum([]))
        return nil
      }),
    ParserTarget(
      "submission", tokens: ["old ", "\n\n", "\u{2014} ", "0"],
      seeds: {
        [
          CheckpointSubmission(
            oldSize: 3, proof: [Digest(1, 2, 3, 4), Digest(5, 6, 7, 8)],
            note: try WitnessTargets.note()
          ).bytes
        ]
      },
      recode: { try CheckpointSubmission($0).bytes }),
    ParserTarget(
      "cosignatures", tokens: ["\n\n\u{2014} ", "\u{2014} ", "+", "=\n"],
      seeds: {
        let note = try WitnessTargets.note()
        return [
          note.adding([try WitnessTargets.signer().cosign(note.text, at: 1_772_362_800)]).bytes
        ]
      },
      recode: { bytes in
        let note = try SignedNote(bytes, "note")
        let key = try WitnessTargets.signer().key
        for cosignature in try note.cosignatures(by: [key], "note") {
          use(cosignature.time.utcSeconds)
          try require(note.text == WitnessTargets.note().text, "a cosignature that nobody made")
        }
        return note.bytes
      }),
    ParserTarget(
      "time-stamp-token", allocationLimit: 4, seeds: { [try WitnessTargets.vector("token")] },
      recode: { bytes in
        let token = try TimestampToken(bytes, "token")
        use(token.time.utcSeconds)
        let authorities = try TimestampAuthorities(
          pem: WitnessTargets.vector("trusted"), "vector")
        if (try? token.verify(imprint: token.imprint, by: authorities, "token")) != nil {
          let signed = try TimestampToken(WitnessTargets.vector("token"), "vector")
          try require(
            token.time == signed.time && token.imprint == signed.imprint,
            "a token that nobody signed")
        }
        return nil
      }),
    ParserTarget(
      "time-stamp-response", allocationLimit: 4, refusals: [.damaged, .refused],
      seeds: { [try WitnessTargets.vector("response"), try WitnessTargets.vector("refusal")] },
      recode: { bytes in
        let record = try VectorFile.records("time-stamps.txt")[0]
        guard let imprint = Digest(hex: try record.text("imprint")) else { return nil }
        let request = try TimestampRequest(
          imprint: imprint, nonce: UInt64(try record.integer("nonce")))
        use(try TimestampToken(answer: bytes, to: request, "authority").time.seconds)
        return nil
      }),
    ParserTarget(
      "certificates", tokens: ["-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----\n"],
      refusals: [.usage], seeds: { [try WitnessTargets.vector("trusted")] },
      recode: { bytes in
        use(try TimestampAuthorities(pem: bytes, "certificates"))
        return nil
      }),
  ]
}
