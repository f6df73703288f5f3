import Testing
import VarveFormat
import VarveTestSupport

@Suite struct RetentionPolicyTests {
  @Test func durationsAreReadAsPeopleWriteThem() {
    let cases: [(String, RetentionDuration)] = [
      ("2y5m7d3h", RetentionDuration(years: 2, months: 5, days: 7, hours: 3)),
      ("3h7d", RetentionDuration(days: 7, hours: 3)), ("0012m", RetentionDuration(months: 12)),
      ("0d", .zero), ("999999y", RetentionDuration(years: 999_999)),
    ]
    for (text, duration) in cases { #expect(RetentionDuration(text) == duration, "\(text)") }
    for text in [
      "", "7", "d", "7x", "7d7d", "-7d", "7 d", "1000000d", "99999999999999999999d", "7d3", "1w",
      "7D",
      "+7d", "７d",
    ] {
      #expect(RetentionDuration(text) == nil, "\(text)")
    }
    #expect(RetentionDuration(days: -3, hours: .max) == RetentionDuration(hours: 999_999))
  }

  @Test func durationsHaveOneSpelling() throws {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<500 {
      func number() -> Int64 {
        Bool.random(using: &generator) ? 0 : Int64.random(in: 0...999_999, using: &generator)
      }
      let duration = RetentionDuration(
        years: number(), months: number(), days: number(), hours: number())
      #expect(RetentionDuration(duration.text) == duration)
    }
    #expect(RetentionDuration.zero.text == "0h")
  }

  @Test func whatIsSurelyAsLong() throws {
    func atLeast(_ a: String, _ b: String) throws -> Bool {
      let (a, b) = (try #require(RetentionDuration(a)), try #require(RetentionDuration(b)))
      return a.isSurelyAtLeast(b)
    }
    for (a, b) in [
      ("1y", "12m"), ("12m", "1y"), ("24h", "1d"), ("31d", "1m"), ("1m", "28d"), ("1d", "0h"),
      ("2m3d", "1m31d"), ("999999y999999m", "999999y"),
    ] {
      #expect(try atLeast(a, b), "\(a) \(b)")
    }
    for (a, b) in [
      ("30d", "1m"), ("1m", "29d"), ("11m", "1y"), ("0h", "1h"), ("1y", "366d"), ("27d", "1m"),
    ] {
      #expect(try !atLeast(a, b), "\(a) \(b)")
    }
  }

  static func randomPolicy(_ generator: inout SeededGenerator) -> RetentionPolicy {
    var policy = RetentionPolicy()
    for rule in RetentionPolicy.CountRule.allCases where Bool.random(using: &generator) {
      policy[rule] =
        Int.random(in: 0..<4, using: &generator) == 0
        ? .unlimited : .limited(Int64.random(in: 0...5, using: &generator))
    }
    for rule in RetentionPolicy.DurationRule.allCases where Bool.random(using: &generator) {
      policy[rule] = RetentionDuration(
        months: Int64.random(in: 0...2, using: &generator),
        days: Int64.random(in: 0...40, using: &generator))
    }
    policy.tags = (0..<4 as Range<UInt64>).filter { _ in Bool.random(using: &generator) }
      .map { Digest($0, 0, 0, 1) }
    return policy
  }

  @Test func policiesReadBack() throws {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<300 {
      let policy = Self.randomPolicy(&generator)
      guard !policy.isEmpty else { continue }
      let bytes = policy.json.canonicalBytes()
      let read = try RetentionPolicy(try JSONValue(canonical: bytes, "policy"), "policy")
      #expect(read == policy)
      #expect(read.json.canonicalBytes() == bytes)
    }
    #expect(throws: VarveError(.damaged, "")) {
      try RetentionPolicy(RetentionPolicy().json, "policy")
    }
  }

  @Test func spelling() {
    var policy = RetentionPolicy()
    policy[.daily] = .limited(7)
    policy[.last] = .unlimited
    policy[.monthly] = .limited(0)
    policy[.withinHourly] = RetentionDuration(days: 2)
    policy.tags = [Digest(2, 0, 0, 0), Digest(1, 0, 0, 0), Digest(2, 0, 0, 0)]
    #expect(
      policy.json.canonicalText
        == #"{"daily":7,"last":-1,"tags":["\#(Digest(1, 0, 0, 0).hex)","#
        + #""\#(Digest(2, 0, 0, 0).hex)"],"withinHourly":"2d"}"#)
  }

  /// Every single change of a rule, in the direction that lets go and in the other.
  @Test func lessOfAnyRuleIsLess() throws {
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<100 {
      let policy = Self.randomPolicy(&generator)
      #expect(policy.keepsAtLeast(policy))
      #expect(policy.keepsAtLeast(RetentionPolicy()))
      for rule in RetentionPolicy.CountRule.allCases {
        var more = policy
        switch policy[rule] {
        case .unlimited: more[rule] = .limited(1_000_000)
        case .limited(let count): more[rule] = .limited(count + 1)
        }
        let (less, greater) = policy[rule] == .unlimited ? (more, policy) : (policy, more)
        #expect(greater.keepsAtLeast(less))
        #expect(!less.keepsAtLeast(greater))
      }
      for rule in RetentionPolicy.DurationRule.allCases {
        var more = policy
        let old = policy[rule]
        more[rule] = RetentionDuration(months: old.months, days: old.days, hours: old.hours + 1)
        #expect(more.keepsAtLeast(policy))
        #expect(!policy.keepsAtLeast(more))
      }
      var more = policy
      more.tags.append(Digest(99, 0, 0, 0))
      #expect(more.keepsAtLeast(policy))
      #expect(!policy.keepsAtLeast(more))
    }
  }
}
