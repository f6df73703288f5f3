import ArgumentParser
package import VarveOperations

extension RawArgument: ExpressibleByArgument {}

extension ByteSize: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}

extension DataSubset: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}
