import Testing
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct MerkleTests {
  static func leaf(_ index: Int) -> Digest { MerkleHash.leaf(Array("entry \(index)".utf8)) }

  static func tree(_ size: Int) -> MerkleTree {
    var tree = MerkleTree()
    for index in 0..<size { tree.append(leafHash: leaf(index)) }
    return tree
  }

  @Test func referenceRoots() throws {
    var tree = MerkleTree()
    var frontier = MerkleFrontier()
    for vector in try VectorFile.records("merkle-roots.txt") {
      if try vector.integer("size") > 0 {
        tree.append(entry: try vector.bytes("last-leaf"))
        frontier.append(entry: try vector.bytes("last-leaf"))
      }
      let head = TreeHead(
        size: UInt64(try vector.integer("size")),
        root: try #require(Digest(try vector.bytes("root"))))
      #expect(tree.head == head, "\(vector)")
      #expect(frontier.head == head, "\(vector)")
    }
    #expect(tree.size == 8)
  }

  @Test func referenceProofs() throws {
    let tree = Self.tree(21)
    for vector in try VectorFile.records("merkle-proofs.txt") {
      let size = UInt64(try vector.integer("size"))
      let head = TreeHead(size: size, root: try #require(Digest(try vector.bytes("root"))))
      let proof = try vector.text("proof").split(separator: " ").map {
        try #require(Digest(hex: $0))
      }
      if try vector.text("kind") == "inclusion" {
        let index = UInt64(try vector.integer("index"))
        #expect(tree.inclusionProof(index: index, size: size) == proof, "\(vector)")
        #expect(
          MerkleProof.verifyInclusion(
            of: Self.leaf(Int(index)), index: index, in: head, proof: proof), "\(vector)")
      } else {
        let first = UInt64(try vector.integer("first"))
        let older = TreeHead(
          size: first, root: try #require(Digest(try vector.bytes("first-root"))))
        #expect(tree.consistencyProof(from: first, to: size) == proof, "\(vector)")
        #expect(
          MerkleProof.verifyConsistency(from: older, to: head, proof: proof), "\(vector)")
      }
    }
  }

  @Test func everyInclusionProofVerifiesAndNoOtherDoes() throws {
    let largest = 70
    let tree = Self.tree(largest)
    for size in 1...largest {
      let head = TreeHead(
        size: UInt64(size), root: try #require(tree.root(atSize: UInt64(size))))
      for index in 0..<size {
        let proof = try #require(tree.inclusionProof(index: UInt64(index), size: head.size))
        let leaf = Self.leaf(index)
        func verifies(_ leaf: Digest, _ index: Int, _ head: TreeHead, _ proof: [Digest]) -> Bool {
          MerkleProof.verifyInclusion(of: leaf, index: UInt64(index), in: head, proof: proof)
        }
        #expect(verifies(leaf, index, head, proof))
        #expect(!verifies(Self.leaf(index + 1), index, head, proof))
        #expect(!verifies(leaf, index, head, proof + [leaf]))
        if !proof.isEmpty { #expect(!verifies(leaf, index, head, proof.dropLast())) }
        if size > 1 { #expect(!verifies(leaf, (index + 1) % size, head, proof)) }
        #expect(!verifies(leaf, size, head, proof))
        for step in proof.indices {
          var wrong = proof
          wrong[step] = leaf
          #expect(!verifies(leaf, index, head, wrong))
        }
        let other = TreeHead(size: head.size, root: leaf)
        #expect(size == 1 || !verifies(leaf, index, other, proof))
      }
    }
    #expect(tree.inclusionProof(index: 70, size: 70) == nil)
    #expect(tree.inclusionProof(index: 0, size: 71) == nil)
    #expect(tree.inclusionProof(index: 0, size: 0) == nil)
  }

  @Test func everyConsistencyProofVerifiesAndNoOtherDoes() throws {
    let largest = 70
    let tree = Self.tree(largest)
    func head(_ size: Int) throws -> TreeHead {
      TreeHead(size: UInt64(size), root: try #require(tree.root(atSize: UInt64(size))))
    }
    for size in 0...largest {
      let newer = try head(size)
      for first in 0...size {
        let older = try head(first)
        let proof = try #require(tree.consistencyProof(from: older.size, to: newer.size))
        func verifies(_ older: TreeHead, _ newer: TreeHead, _ proof: [Digest]) -> Bool {
          MerkleProof.verifyConsistency(from: older, to: newer, proof: proof)
        }
        #expect(verifies(older, newer, proof))
        #expect(!verifies(older, newer, proof + [newer.root]))
        if !proof.isEmpty {
          #expect(!verifies(older, newer, proof.dropLast()))
          #expect(!verifies(older, newer, Array(proof.dropFirst())))
        }
        let wrongOlder = TreeHead(size: older.size, root: Self.leaf(99))
        #expect(!verifies(wrongOlder, newer, proof))
        if first > 0 {
          #expect(!verifies(older, TreeHead(size: newer.size, root: Self.leaf(99)), proof))
        }
        for step in proof.indices {
          var wrong = proof
          wrong[step] = Self.leaf(99)
          #expect(!verifies(older, newer, wrong))
        }
        if first < size { #expect(!verifies(newer, older, proof)) }
      }
    }
    #expect(tree.consistencyProof(from: 3, to: 71) == nil)
    #expect(tree.consistencyProof(from: 4, to: 3) == nil)
  }

  @Test func hostileProofsAreRefusedWithoutATrap() {
    let root = Self.leaf(0)
    let huge = TreeHead(size: .max, root: root)
    let long = [Digest](repeating: root, count: 200)
    for count in [0, 1, 63, 64, 65, 200] {
      let proof = Array(long.prefix(count))
      for index in [0, 1, UInt64.max / 2, UInt64.max - 1, UInt64.max] {
        #expect(!MerkleProof.verifyInclusion(of: root, index: index, in: huge, proof: proof))
        #expect(
          !MerkleProof.verifyConsistency(
            from: TreeHead(size: index, root: Self.leaf(1)), to: huge, proof: proof))
      }
    }
  }

  @Test func aFrontierContinues() throws {
    var whole = MerkleFrontier()
    for index in 0..<100 {
      var continued = try MerkleFrontier(size: whole.size, hashes: whole.hashes)
      whole.append(leafHash: Self.leaf(index))
      continued.append(leafHash: Self.leaf(index))
      #expect(continued.head == whole.head)
      #expect(whole.head == Self.tree(index + 1).head)
    }
    #expect(throws: VarveError(.damaged, "")) { try MerkleFrontier(size: 5, hashes: [.zero]) }
  }
}
