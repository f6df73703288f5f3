// What a credential of each kind may do with objects, by their names alone:
//
//                                        read    append                    full
//     GET, HEAD, list, settle            yes     yes                       yes
//     make the repository's place        no      no                        yes
//     PUT  log/commits/<16 digits>       no      with If-None-Match: *     unless it exists
//     PUT  packs index snapshots
//          inventories                   no      yes, verified             yes, verified
//     PUT  log/checkpoint, full tiles    no      yes                       yes
//     PUT  sessions/<session>-start|beat no      yes, 64 bytes             yes
//     PUT  keys/<digest>                 no      no                        yes, verified
//     PUT  config                        no      no                        unless it exists
//     PUT  any other name                no      no                        yes
//     DELETE log/commits/… config        no      no                        no
//     DELETE sessions/…                  no      yes                       yes
//     DELETE any other                   no      no                        yes
//
// `append` is what a backup by a writer needs, and nothing else. "Verified": bytes whose SHA-256 is not the name's are
// refused, so storing such an object again changes nothing, unless to heal it. What is derived from the log
// (checkpoint, tiles) is believed by nobody who has not computed it; what is no name of a full tile could stand in the way of
// one. A session's markers only spare a pruner work.
// Nobody replaces or deletes a commit over HTTP: the history is the administrator's to touch, on the machine itself.

import VarveFormat
import VarveProof

/// What a credential is for.
public enum AccessKind: String, CaseIterable, Sendable {
  case read, append, full
}

/// Which rules an object comes under.
enum ObjectGroup: Equatable {
  case commit, config, credential, content, derived, session, other

  /// - Parameter name: one that `StorageName` admits.
  init(_ name: String) {
    switch ObjectClass(name) {
    case .config: self = .config
    case .credential: self = .credential
    case .commit: self = .commit
    case .checkpoint: self = .derived
    case .tile: self = Self.isTile(name) ? .derived : .other
    case .pack, .index, .snapshot, .inventory: self = .content
    case nil: self = Self.isSession(name) ? .session : .other
    }
  }

  /// Of a log of no more entries than a quarter of a milliard: names without end would be files and directories without end.
  private static func isTile(_ name: String) -> Bool {
    guard let tile = Tile(path: String(name.dropFirst("log/".count))) else { return false }
    return tile.isFull && tile.index < 1_000_000
  }

  private static func isSession(_ name: String) -> Bool {
    guard name.hasPrefix("sessions/") else { return false }
    let rest = name.utf8.dropFirst("sessions/".utf8.count)
    let isHexadecimal = rest.prefix(32).allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
    }
    let ending = rest.dropFirst(32)
    return rest.count > 32 && isHexadecimal
      && (ending.elementsEqual("-start".utf8) || ending.elementsEqual("-beat".utf8))
  }
}

/// How an object may be stored.
enum StoringRule: Equatable {
  case forbidden(String)
  /// Only with `If-None-Match: *`.
  case needsCondition
  /// Never in place of another one.
  case onlyNew
  case allowed(largest: Int)
}

extension AccessKind {
  private static let largestMarker = 64

  /// - Parameter isConditional: whether the request says `If-None-Match: *`.
  func storing(_ name: String, isConditional: Bool) -> StoringRule {
    let group = ObjectGroup(name)
    switch (self, group) {
    case (.read, _): return .forbidden("this token may only read")
    case (.append, .commit): return isConditional ? .onlyNew : .needsCondition
    case (.append, .content), (.append, .derived): return .allowed(largest: .max)
    case (.append, .session): return .allowed(largest: Self.largestMarker)
    case (.append, .config), (.append, .credential), (.append, .other):
      return .forbidden("this token may only add what a backup adds, and \(name) is not of that")
    case (.full, .commit), (.full, .config): return .onlyNew
    case (.full, _): return .allowed(largest: .max)
    }
  }

  /// Why an object may not be removed; nil when it may.
  func reasonAgainstRemoving(_ name: String) -> String? {
    switch (self, ObjectGroup(name)) {
    case (.read, _): "this token may only read"
    case (_, .commit), (_, .config): "the history of a repository is not deleted over HTTP"
    case (.append, .session), (.full, _): nil
    case (.append, _): "this token may add, but not delete"
    }
  }
}
