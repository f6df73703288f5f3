import Varve
import VarveFormat

/// The counts of a backup, by restic's names (docs/json.md, "summary").
enum SnapshotSummaryJSON {
  static func counts(_ counts: SourceCounts, into writer: inout JSONWriter) {
    writer.member("files_new", counts.filesNew)
    writer.member("files_changed", counts.filesChanged)
    writer.member("files_unmodified", counts.filesUnmodified)
    writer.member("dirs_new", counts.directoriesNew)
    writer.member("dirs_changed", counts.directoriesChanged)
    writer.member("dirs_unmodified", counts.directoriesUnmodified)
    writer.member("data_blobs", counts.dataChunks)
    writer.member("tree_blobs", counts.treeChunks)
    writer.member("data_added", counts.dataAdded)
    writer.member("data_added_packed", counts.dataAddedPacked)
    writer.member("total_files_processed", counts.filesProcessed)
    writer.member("total_bytes_processed", counts.bytesProcessed)
  }
}
