import Glibc
import Testing
import VarveCrypto
import VarveTestSupport

@Suite struct SecretBytesTests {
  @Test func holdsWhatItWasGiven() {
    for count in [0, 1, 32, 4096, 4097, 100_000] {
      let bytes = SecureRandom.bytes(count)
      let secret = SecretBytes(copying: bytes)
      #expect(secret.count == count)
      #expect(secret.array == bytes)
      let copy = secret.copy()
      #expect(copy.array == bytes)
      let same = secret.isEqual(to: copy)
      #expect(same)
    }
    let filled = SecretBytes(count: 4) { $0[1] = 7 }
    #expect(filled.array == [0, 7, 0, 0])
  }

  @Test func inequality() {
    func equal(_ first: [UInt8], _ second: [UInt8]) -> Bool {
      SecretBytes(copying: first).isEqual(to: SecretBytes(copying: second))
    }
    #expect(equal([1, 2, 3], [1, 2, 3]))
    #expect(!equal([1, 2, 3], [1, 2]))
    #expect(!equal([1, 2, 3], [1, 2, 4]))
    #expect(!equal([1, 2, 3], [0, 2, 3]))
  }

  @Test func passesOnErrors() {
    struct Refused: Error {}
    #expect(throws: Refused.self) { _ = try SecretBytes(count: 8) { _ in throw Refused() } }
    let secret = Secret([1])
    #expect(throws: Refused.self) { try secret.bytes.withUnsafeBytes { _ in throw Refused() } }
  }

  /// What this process has at an address, without touching memory that may be unmapped by now.
  private static func peek(_ address: UInt, _ count: Int) -> [UInt8]? {
    let memory = open("/proc/self/mem", O_RDONLY)
    defer { close(memory) }
    var bytes = [UInt8](repeating: 0, count: count)
    return pread(memory, &bytes, count, off_t(address)) == count ? bytes : nil
  }

  @Test(arguments: [32, 64, 65, 2048, 2049, 8192])
  func isZeroedWhenDropped(count: Int) {
    let marker = SecureRandom.bytes(16)
    var address: UInt = 0
    do {
      let secret = SecretBytes(count: count) { buffer in
        buffer[(count - 16)...].copyBytes(from: marker)
      }
      address = secret.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } + UInt(count - 16)
      #expect(Self.peek(address, 16) == marker)
    }
    #expect(Self.peek(address, 16) != marker)
  }

  /// Secrets of all lengths that come and go on several threads: each has its own bytes as long as it lives, and
  /// zeros where nothing was written.
  @Test func memoryIsNeverSharedAndComesZeroed() {
    runThreads(4) { lane in
      var random = SeededGenerator(seed: UInt64(lane) + 1)
      var held: [(secret: Secret, bytes: [UInt8])] = []
      for _ in 0..<3_000 {
        if held.count > 500 || (!held.isEmpty && random.next() % 3 == 0) {
          let dropped = held.remove(at: Int(random.next() % UInt64(held.count)))
          #expect(dropped.secret.bytes.array == dropped.bytes)
        } else {
          let count = Int(random.next() % 3_000)
          #expect(SecretBytes(count: count) { _ in }.array.allSatisfy { $0 == 0 })
          let bytes = random.bytes(count)
          held.append((Secret(bytes), bytes))
        }
      }
      for (secret, bytes) in held { #expect(secret.bytes.array == bytes) }
    }
  }

  @Test func staysOutOfCoreDumps() throws {
    let secret = SecretBytes(copying: [1])
    let address = secret.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    let file = try #require(fopen("/proc/self/smaps", "r"))
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 4096)
    var inside = false
    var flags = ""
    while fgets(&line, Int32(line.count), file) != nil {
      let text = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      let ends = text.prefix { $0 != " " }.split(separator: "-").map { UInt($0, radix: 16) }
      if ends.count == 2, let low = ends[0], let high = ends[1] {
        inside = low <= address && address < high
      }
      if inside, text.hasPrefix("VmFlags:") { flags = text }
    }
    #expect(flags.split(separator: " ").contains("dd"), "\(flags)")
    #expect(secret.count == 1)
  }

  @Test func randomBytesFillEverything() {
    for count in [0, 1, 255, 256, 257, 1000] {
      #expect(SecureRandom.bytes(count).count == count)
    }
    // Of 40 buffers none may keep a stretch of 32 zero bytes: the chance is below 2^-230.
    for _ in 0..<40 {
      let bytes = SecureRandom.bytes(1000)
      for start in [0, 224, 256, 480, 512, 968] {
        #expect(bytes[start..<start + 32].contains { $0 != 0 })
      }
    }
    let same = SecureRandom.secret(32).isEqual(to: SecureRandom.secret(32))
    #expect(!same)
  }
}
