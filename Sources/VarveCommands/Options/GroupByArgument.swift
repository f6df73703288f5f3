import ArgumentParser

/// By which of host, paths and tags snapshots are put into groups: `host,paths`.
package struct GroupByArgument: ExpressibleByArgument, Hashable, Sendable {
  package var host = false
  package var paths = false
  package var tags = false

  package init?(argument: String) {
    for part in argument.split(separator: ",") {
      switch part {
      case "host", "hosts": host = true
      case "path", "paths": paths = true
      case "tag", "tags": tags = true
      default: return nil
      }
    }
  }

  package init(host: Bool = false, paths: Bool = false, tags: Bool = false) {
    self.host = host
    self.paths = paths
    self.tags = tags
  }
}
