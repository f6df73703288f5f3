/// Files that programs change in place, a page here and a block there: databases and disk images.
///
/// Of such a file each change makes a whole chunk new, so it is cut into shorter ones (`chunkMean`). It is told by its
/// first bytes, which stay as they are for as long as the file lives: one whose cuts came and went would be
/// stored twice. The signatures are those of the formats' own documents:
///
/// - SQLite 3: `SQLite format 3\0` at 0 (sqlite.org, Database File Format, 1.3)
/// - QCOW2: `QFI\xfb` at 0; VMDK: `KDMV` or `COWD` at 0; VHDX: `vhdxfile` at 0; VDI: 7f 10 da be at 64
/// - LMDB: ef be c0 de at 16; Berkeley DB: 62 31 05 00 or 61 15 06 00 at 12
/// - InnoDB and PostgreSQL have none at a fixed place: `--chunk-size` is for them
/// - raw disks: 55 aa at 510 with a partition entry of a plausible kind, which GPT disks have, too
/// - ext2, 3, 4 images: 53 ef at 1080; XFS images: `XFSB` at 0
package enum PagedFormat {
  /// Bytes of a chunk on average. With 64 KiB a changed page of 4 KiB costs a sixteenth of what it costs
  /// with 1 MiB; the index has sixteen times the rows, 0.06% of the data.
  package static let chunkMean = 64 << 10

  /// Bytes of a file's beginning that `recognizes` looks at.
  package static let headLength = 4096

  /// Whether a file that begins with `head` is of such a format.
  package static func recognizes(_ head: UnsafeRawBufferPointer) -> Bool {
    for signature in signatures where has(head, signature.bytes, at: signature.offset) {
      return true
    }
    return isPartitioned(head)
  }

  private static let signatures: [(offset: Int, bytes: [UInt8])] = [
    (0, Array("SQLite format 3\0".utf8)),
    (0, [0x51, 0x46, 0x49, 0xfb]),
    (0, Array("KDMV".utf8)),
    (0, Array("COWD".utf8)),
    (0, Array("vhdxfile".utf8)),
    (64, [0x7f, 0x10, 0xda, 0xbe]),
    (16, [0xef, 0xbe, 0xc0, 0xde]),
    (12, [0x62, 0x31, 0x05, 0x00]),
    (12, [0x61, 0x15, 0x06, 0x00]),
    (1080, [0x53, 0xef]),
    (0, Array("XFSB".utf8)),
  ]

  private static func has(_ head: UnsafeRawBufferPointer, _ bytes: [UInt8], at offset: Int) -> Bool
  {
    guard head.count >= offset + bytes.count else { return false }
    return bytes.indices.allSatisfy { head[offset + $0] == bytes[$0] }
  }

  /// Two bytes alone are met by chance in one file of 65,536: an entry of the table must look like one, too.
  private static func isPartitioned(_ head: UnsafeRawBufferPointer) -> Bool {
    guard has(head, [0x55, 0xaa], at: 510) else { return false }
    return (0..<4).contains { entry in
      let start = 446 + 16 * entry
      let sectors = (12..<16).contains { head[start + $0] != 0 }
      return (head[start] == 0 || head[start] == 0x80) && head[start + 4] != 0 && sectors
    }
  }
}
