// A log of what a program did to a directory, for EndToEndTests/PowerLoss/Recording.swift to read.
//
//     log    := event*
//     event  := kind:u8 inode:u64 offset:u64 length:u64 first:text second:text data
//     text   := length:u16 bytes            data := `length` bytes for WRITE and TOLD, else none
//
// Integers are little-endian. An event is written when its call has returned successfully; each call that changes
// something returns before the next one begins, so the log has the kernel's own order. Paths are absolute.

#ifndef FAULT_TRACER_RECORD_H
#define FAULT_TRACER_RECORD_H

#include "tracee.h"

enum event {
  CREATED = 1,    // first, inode: a regular file that was not there
  MADE = 2,       // first, inode: a directory
  WRITTEN = 3,    // inode, offset, data; first is where the file was opened or is now
  RESIZED = 4,    // inode, length in `offset`
  SYNCED = 5,     // inode, first
  LINKED = 6,     // first, second
  RENAMED = 7,    // first, second
  REMOVED = 8,    // first: file or empty directory
  TOLD = 9,       // data: standard output
  UNKNOWN = 10    // first: the call, second: the path; nothing that the model knows
};

void open_record(const char *path);

// What must be known before the call is performed.
void before_call(const struct entry *entry);

// Logs the call, which returned `result`.
void after_call(const struct entry *entry, int64_t result);

#endif
