import Glibc
import Synchronization
import Testing
import Varve
import VarveFormat
import VarveRepository

@Suite struct ChunkPipelineTests {
  private let directory: ScratchDirectory
  private let chunks = MemoryChunks()

  init() throws { directory = try ScratchDirectory() }

  private func write(
    helpers: Int, cancellation: CancellationFlag = CancellationFlag(),
    _ produce: @escaping @Sendable (ChunkPipeline, any ChunkSource) throws -> Void
  ) throws -> [UInt8] {
    let path = try directory.file("out", [])
    let file = open(directory.cPath("out"), O_WRONLY)
    defer { close(file) }
    let chunks = chunks
    try ChunkPipeline.run(
      to: DescriptorOutput(descriptor: file, name: "out"), helpers: helpers,
      cancellation: cancellation, makeSource: { chunks }, produce)
    return try RunProgram.contents(path)
  }

  private func reference(_ bytes: [UInt8]) -> ChunkReference {
    ChunkReference(address: chunks.store(bytes), length: UInt32(bytes.count))
  }

  /// More than the window, in pieces of all sizes.
  @Test(arguments: [0, 1, 4])
  func everythingComesInOrder(helpers: Int) throws {
    var expected: [UInt8] = []
    var steps: [(reference: ChunkReference?, bytes: [UInt8], zeros: UInt64)] = []
    for round in 0..<300 {
      let size = round * round * 7 % 300_000 + (round % 50 == 0 ? 3_000_000 : 1)
      let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: round &* 37 + 1), count: size)
      switch round % 3 {
      case 0: steps.append((reference(bytes), [], 0))
      case 1: steps.append((nil, bytes, 0))
      default: steps.append((nil, [], UInt64(size)))
      }
      expected += round % 3 == 2 ? [UInt8](repeating: 0, count: size) : bytes
    }
    #expect(expected.count > 40 << 20)
    let plan = steps
    let written = try write(helpers: helpers) { pipeline, _ in
      for step in plan {
        if let reference = step.reference { try pipeline.append(reference) }
        try pipeline.append(step.bytes)
        try pipeline.append(zeros: step.zeros)
      }
    }
    #expect(written == expected)
  }

  @Test(arguments: [0, 2])
  func damageComesInItsPlace(helpers: Int) throws {
    let good = reference([UInt8](repeating: 1, count: 700_000))
    let missing = ChunkReference(address: .zero, length: 900_000)
    #expect(throws: VarveError(.missing, "")) {
      try write(helpers: helpers) { pipeline, _ in
        for _ in 0..<10 { try pipeline.append(good) }
        try pipeline.append(missing)
        for _ in 0..<100 { try pipeline.append(good) }
      }
    }
    let written = try RunProgram.contents(directory.path + Array("/out".utf8))
    #expect(written.allSatisfy { $0 == 1 })
    #expect(written.count <= 7_000_000)

    let wrongLength = ChunkReference(address: good.address, length: 699_999)
    #expect(throws: VarveError(.damaged, "")) {
      try write(helpers: helpers) { pipeline, _ in try pipeline.append(wrongLength) }
    }
  }

  @Test func whatTheProducerThrowsEndsIt() throws {
    let good = reference([UInt8](repeating: 1, count: 700_000))
    #expect(throws: VarveError(.usage, "")) {
      try write(helpers: 3) { pipeline, _ in
        for _ in 0..<20 { try pipeline.append(good) }
        throw VarveError(.usage, "enough")
      }
    }
  }

  @Test func cancelling() throws {
    let cancellation = CancellationFlag()
    let appended = Atomic<Int>(0)
    #expect(throws: VarveError(.interrupted, "")) {
      try write(helpers: 1, cancellation: cancellation) { pipeline, _ in
        for round in 0..<10_000 {
          if round == 5 { cancellation.cancel() }
          try pipeline.append(zeros: 1 << 20)
          appended.add(1, ordering: .relaxed)
        }
      }
    }
    #expect(appended.load(ordering: .relaxed) < 100)
  }

  @Test func aReaderThatHasGoneIsAnErrorAndNoSignal() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let chunks = chunks
    let output = DescriptorOutput(descriptor: ends[1], name: "the pipe")
    let error = #expect(throws: VarveError.self) {
      try ChunkPipeline.run(
        to: output, helpers: 1, cancellation: CancellationFlag(), makeSource: { chunks },
        { pipeline, _ in try pipeline.append(zeros: 100 << 20) })
    }
    #expect(error?.code == .io)
    #expect(error?.message.contains("the pipe") == true)
  }

  @Test func shortWritesAreContinued() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let (readEnd, writeEnd) = (ends[0], ends[1])
    _ = fcntl(writeEnd, F_SETFL, O_NONBLOCK)
    let received = Mutex<Int>(0)
    try WorkerThreads.run(count: 2) { worker in
      if worker == 0 {
        defer { close(writeEnd) }
        let output = DescriptorOutput(descriptor: writeEnd, name: "the pipe")
        let bytes = [UInt8](repeating: 7, count: 1_000_003)
        for _ in 0..<5 { try bytes.withUnsafeBytes { try output.write($0) } }
        for byte in 0..<100 { try withUnsafeBytes(of: UInt8(byte)) { try output.write($0) } }
        try output.flush()
        #expect(output.byteCount == 5_000_115)
      } else {
        var buffer = [UInt8](repeating: 0, count: 10_000)
        while case let count = read(readEnd, &buffer, buffer.count), count > 0 {
          received.withLock { $0 += count }
        }
        close(readEnd)
      }
    }
    #expect(received.withLock { $0 } == 5_000_115)
  }
}
