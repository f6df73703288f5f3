import Varve
import VarveFormat
import VarveProof

extension ParserTarget {
  static let textTargets: [ParserTarget] = [
    ParserTarget(
      "json",
      tokens: ["\\u00", "null", "true", "false", "-", "9007199254740991", "[[[[", "{\"a\":"],
      seeds: {
        [
          #"{"":-1,"a":[null,true,false,0],"b":{"c":"\"\\\b\t\n\f\r\u0001"}}"#, "[]", "\"\u{e9}\"",
          "{\"\u{e9}\":1,\"e\u{301}\":2}",
        ].map { Array($0.utf8) }
      },
      recode: { try JSONValue(canonical: $0, "value").canonicalBytes() }),
    // Byte strings in JSON, both ways.
    ParserTarget(
      "escaped-bytes", tokens: ["\\\\", "\\x", "\\xff"],
      seeds: { ["/home/\\\\x", "\\xff\\xfe", "\u{e9}\u{1f600}"].map { Array($0.utf8) } },
      recode: { bytes in
        let text = EscapedBytes.text(bytes)
        try require(EscapedBytes.bytes(text) == bytes, "bytes that do not come back")
        guard let text = String(validating: bytes, as: UTF8.self),
          let decoded = EscapedBytes.bytes(text)
        else { return nil }
        return Array(EscapedBytes.text(decoded).utf8)
      }),
    ParserTarget(
      "base64", tokens: ["=", "=="],
      seeds: { ["AQID", "AQI=", "AQ==", ""].map { Array($0.utf8) } },
      recode: { bytes in
        guard let text = String(validating: bytes, as: UTF8.self), let decoded = Base64.decode(text)
        else { return nil }
        return Array(Base64.encode(decoded).utf8)
      }),
    ParserTarget(
      "time", tokens: ["Z", "+01:00", "-23:59", "0000-01-01T00:00:00", "9999-12-31T23:59:59"],
      seeds: {
        ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.123456789-01:30"].map { Array($0.utf8) }
      },
      recode: { bytes in
        guard let text = String(validating: bytes, as: UTF8.self), let time = Timestamp(text)
        else { return nil }
        use(time.utcSeconds)
        if let again = Timestamp(time.precise) {
          try require(again == time, "a time that reads back as another")
        }
        return nil
      }),
    // Names in the store, and paths of tiles.
    ParserTarget(
      "object-name",
      tokens: [
        "packs/", "index/", "keys/", "snapshots/", "inventories/", "log/commits/", "log/tile/",
        "tile/", "entries/", "x000/", ".p/255",
      ],
      seeds: {
        [
          ObjectName.pack(Digest(1, 2, 3, 4)), ObjectName.commit(7), "log/tile/0/x001/234.p/7",
          "tile/entries/000", "tile/0/x001/x002/003", ObjectName.index(Digest(1, 2, 3, 4)),
        ].map { Array($0.utf8) }
      },
      recode: { bytes in
        guard let name = String(validating: bytes, as: UTF8.self) else { return nil }
        if let tile = Tile(path: name) {
          try require(tile.path.utf8.elementsEqual(name.utf8), "two paths of one tile")
        }
        let spelled: String? =
          switch ObjectClass(name) {
          case .config: ObjectName.config
          case .checkpoint: ObjectName.checkpoint
          case .credential(let digest): ObjectName.credential(digest)
          case .commit(let size): ObjectName.commit(size)
          case .pack(let digest): ObjectName.pack(digest)
          case .index(let digest): ObjectName.index(digest)
          case .snapshot(let digest): ObjectName.snapshot(digest)
          case .inventory(let digest): ObjectName.inventory(digest)
          case .tile, nil: nil
          }
        return spelled.map { Array($0.utf8) }
      }),
    // Patterns, before the first NUL, and a path, after it.
    ParserTarget(
      "pattern", tokens: ["**", "[a-z]", "[^\\]]", "!", "\\*", "?", "//", "/"],
      refusals: [.usage],
      seeds: {
        [
          "/home/**/*.[ch]\0/home/a/b.c", "!\\*x?[!a-]\0\\*xyz", "a/**/b/**/c\0a/q/b/w/e/c",
          "*a*a*a*b\0aaaaaaaaaaaaaaa",
        ].map { Array($0.utf8) }
      },
      recode: { bytes in
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let path = Array(parts.last ?? [])
        for ignoringCase in [false, true] {
          let texts = parts[0].split(separator: UInt8(ascii: "\n")).map { Array($0) }
          let list = try PatternList(texts, ignoringCase: ignoringCase)
          guard !path.isEmpty else { continue }
          let (matched, _) = list.match(path)
          try require(matched == list.matches(path), "two answers to one question")
          path.withUnsafeBytes { use(list.matchesEntry($0)) }
        }
        return nil
      }),
    ParserTarget(
      "pattern-file", tokens: ["$", "${", "}", "$$", "#", "\r\n", "\u{feff}", "\u{2003}"],
      refusals: [.usage],
      seeds: {
        ["# comment\n *.o \r\n$HOME/${X}/$1$\n", "a\nb", "a\0b\0"].map { Array($0.utf8) }
      },
      recode: { bytes in
        use(PatternFile.patterns(in: bytes) { $0.count == 1 ? nil : Array("value".utf8) })
        use(FilesFrom.lines(in: bytes))
        use(CleanPath.clean(bytes))
        use(try FilesFrom.raw(in: bytes))
        return nil
      }),
    ParserTarget(
      "audit-policy",
      tokens: [
        "gap ", "check ", "receipt ", "delay ", "grace ", "none", "log ", "26h", "01234567", "\n",
      ],
      refusals: [.usage],
      seeds: {
        [
          "# a\ngap 26h\ngap none 01234567\ncheck 8d read-data\nreceipt 1m restore\ndelay none\n",
          "log a+b+c",
        ]
        .map { Array($0.utf8) }
      },
      recode: { bytes in
        use(try AuditPolicy(parsing: bytes, "policy").sourceGaps.count)
        return nil
      }),
    ParserTarget(
      "access-control-list",
      seeds: {
        [[2, 0, 0, 0, 1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 8, 0, 5, 0, 1, 2, 3, 4]]
      },
      recode: { bytes in
        use(AccessControlText.text(bytes))
        return nil
      }),
    ParserTarget(
      "selector", tokens: ["latest", "~1", ":", ":/"], refusals: [.usage, .notFound],
      seeds: { ["latest~2:/home/x", "0123abcd", "latest:"].map { Array($0.utf8) } },
      recode: { bytes in
        use(try SnapshotSelector(parsing: bytes).description)
        return nil
      }),
  ]
}
