import VarveFormat
import VarveRepository

/// Programs that run on what was restored.
final class DrillServices {
  private let services: [DrillService]
  private let checks: [DrillCheck]
  private let directory: DrillDirectory
  private let environment: [String: String]
  private let cancellation: CancellationFlag
  private var running: [(service: DrillService, command: RunningCommand)] = []
  private(set) var isStarted = false

  init(
    _ drill: Drill, _ directory: DrillDirectory, _ environment: [String: String],
    _ cancellation: CancellationFlag
  ) {
    services = drill.services
    checks = drill.checks
    self.directory = directory
    self.environment = environment
    self.cancellation = cancellation
  }

  deinit { for (_, command) in running { _ = command.stop() } }

  /// Starts all of them, one after the other, each once the one before is ready.
  ///
  /// What answers already where they are going to be asked would pass for them: then none is started.
  func start() throws -> [DrillStep] {
    guard !isStarted else { return [] }
    isStarted = true
    guard !services.isEmpty else { return [] }
    if let step = strangers() { return [step] }
    var steps: [DrillStep] = []
    for service in services {
      let step = try start(service)
      steps.append(step)
      guard step.result == .passed else { break }
    }
    return steps
  }

  private func strangers() -> DrillStep? {
    var urls: [String] = services.compactMap(\.ready?.url)
    for check in checks {
      if case .http(let probe) = check { urls.append(probe.url) }
    }
    for url in Set(urls).sorted() {
      guard DrillProbe(probe: HTTPProbe(url: url), cancellation: cancellation).answers() else {
        continue
      }
      return DrillStep(
        .service, services[0].name, .failed,
        "something answers at \(ByteText.printable(url)) before it is started: use another port")
    }
    return nil
  }

  private func start(_ service: DrillService) throws -> DrillStep {
    let began = MonotonicClock.nanoseconds
    func step(_ result: DrillStep.Result, _ finding: String, _ output: String = "") -> DrillStep {
      DrillStep(
        .service, service.name, result, milliseconds: DrillClock.milliseconds(since: began),
        finding, output: output)
    }
    let command: RunningCommand
    do {
      command = try RunningCommand(
        service.command.inDirectory(directory.files), environment: environment)
    } catch let error as VarveError where error.code != .interrupted {
      return step(.failed, error.message)
    }
    do { try directory.services.add(command.identifier) } catch {
      _ = command.stop()
      return step(.failed, "it is not known to whoever clears up after a kill: \(error)")
    }
    guard let ready = service.ready else {
      running.append((service, command))
      return step(.passed, "it was started")
    }
    let outcome = try DrillProbe(probe: ready, cancellation: cancellation).run {
      command.isRunning
    }
    guard command.isRunning else {
      let ended = command.stop()
      return step(
        .failed, "it ended before it was ready: \(ended.failure ?? "with status 0")",
        DrillOutput.text(ended))
    }
    if let failure = outcome.failure {
      let ended = command.stop()
      return step(
        .failed, "it is not ready after \(HumanText.fixed(ready.timeout, 0)) s: \(failure)",
        DrillOutput.text(ended))
    }
    running.append((service, command))
    return step(.passed, "ready at \(ByteText.printable(ready.url))", outcome.output)
  }

  /// Ends all of them, the last one first. A service that had ended by itself is a failure.
  func stop() -> [DrillStep] {
    var steps: [DrillStep] = []
    for (service, command) in running.reversed() {
      let wasRunning = command.isRunning
      let outcome = command.stop()
      guard !wasRunning else { continue }
      steps.append(
        DrillStep(
          .service, service.name, .failed,
          "it ended while it was being checked: \(outcome.failure ?? "with status 0")",
          output: DrillOutput.text(outcome)))
    }
    running.removeAll()
    return steps
  }
}
