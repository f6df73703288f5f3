/// The shortest path equal to another by text alone: Go's filepath.Clean on bytes.
///
/// Repeated slashes and `.` go, `..` takes the component before it away (at the root, nothing), a
/// final slash goes; an empty path becomes `.`.
package enum CleanPath {
  package static func clean(_ path: some Collection<UInt8>) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    let rooted = path.first == slash
    var kept: [Array<UInt8>.SubSequence] = []
    for component in Array(path).split(separator: slash) {
      if component.elementsEqual(".".utf8) { continue }
      if component.elementsEqual("..".utf8) {
        if let last = kept.last, !last.elementsEqual("..".utf8) {
          kept.removeLast()
        } else if !rooted {
          kept.append(component)
        }
        continue
      }
      kept.append(component)
    }
    var out: [UInt8] = rooted ? [slash] : []
    out.append(contentsOf: kept.joined(separator: [slash]))
    return out.isEmpty ? [UInt8(ascii: ".")] : out
  }
}
