import Glibc

/// What `micro index` was asked for.
struct IndexOptions {
  var directory: String?
  var rows = [1_000_000, 10_000_000]
  var json: String?
  var shape = IndexShape(rows: 0)

  init(_ arguments: [String]) {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { fail("micro index: \(name) needs a value") }
      switch name {
      case "--directory": directory = value
      case "--rows": rows = value.split(separator: ",").map { number(String($0), name) }
      case "--segment-rows": shape.segmentRows = number(value, name)
      case "--pack-rows": shape.packRows = number(value, name)
      case "--json": json = value
      default: fail("micro index: unknown option \(name)")
      }
    }
  }
}

private func number(_ text: String, _ name: String) -> Int {
  guard let value = Int(text), value > 0 else { fail("micro index: \(name) \(text)") }
  return value
}

/// What was measured of one index.
struct IndexResult {
  let shape: IndexShape
  var buildSeconds = 0.0
  var keepSeconds = 0.0
  var mergeSeconds = 0.0
  var segmentBytes = 0
  var mergeBytes = 0
  /// The most anonymous memory while building and merging.
  var buildMemory = 0
  var probe: [String: Double] = [:]

  init(shape: IndexShape) { self.shape = shape }

  func printRow(isFirst: Bool) {
    if isFirst {
      print(
        """
        | rows | segments | build | merge | merge writes | memory, building | cache | tables | open | \
        hit | miss | memory, open |
        |---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
        """)
    }
    let mebibyte = 1_048_576.0
    let cells = [
      "\(shape.rows)", "\(shape.segmentCount)", "\(decimals(buildSeconds, 1)) s",
      "\(decimals(mergeSeconds, 1)) s",
      "\(decimals(Double(mergeBytes) / Double(shape.rows), 0)) B a row",
      "\(decimals(Double(buildMemory) / mebibyte, 0)) MiB",
      "\(decimals(value("cacheBytes") / mebibyte, 0)) MiB", "\(Int(value("tables")))",
      "\(decimals(value("openSeconds") * 1e3, 1)) ms",
      "\(decimals(value("hitNanoseconds") / 1e3, 2)) µs",
      "\(decimals(value("missNanoseconds") / 1e3, 2)) µs",
      "\(decimals(value("memory") / mebibyte, 0)) MiB",
    ]
    print("| \(cells.joined(separator: " | ")) |")
    fflush(nil)
  }

  private func value(_ name: String) -> Double { probe[name] ?? .nan }

  /// One object; seconds, nanoseconds and bytes.
  var json: String {
    var members = [
      ("rows", "\(shape.rows)"), ("segments", "\(shape.segmentCount)"),
      ("packs", "\(shape.packCount)"), ("buildSeconds", "\(buildSeconds)"),
      ("keepSeconds", "\(keepSeconds)"), ("mergeSeconds", "\(mergeSeconds)"),
      ("segmentBytes", "\(segmentBytes)"), ("mergeBytes", "\(mergeBytes)"),
      ("buildMemory", "\(buildMemory)"),
    ]
    for (name, value) in probe.sorted(by: { $0.key < $1.key }) where name != "rows" {
      members.append((name, "\(value)"))
    }
    return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
  }
}

private func decimals(_ value: Double, _ places: Int) -> String {
  var text = [CChar](repeating: 0, count: 64)
  _ = withVaList([value]) { vsnprintf(&text, text.count, "%.\(places)f", $0) }
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Writes a JSON array, one object a line.
func write(_ objects: [String], to path: String) {
  write("[\n" + objects.joined(separator: ",\n") + "\n]\n", to: path)
}
