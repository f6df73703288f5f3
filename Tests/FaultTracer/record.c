#define _GNU_SOURCE
#if defined(__x86_64__)
#include "record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static FILE *record;
static bool was_there;
static uint64_t size_before;

void open_record(const char *path) {
  record = fopen(path, "wb");
  if (!record) give_up(path);
}

static void number(uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) putc((int)(value >> (8 * i) & 0xff), record);
}

static void text(const char *string) {
  number(strlen(string), 2);
  fputs(string, record);
}

static void event(
    enum event kind, uint64_t inode, uint64_t offset, uint64_t length, const char *first,
    const char *second) {
  number(kind, 1);
  number(inode, 8);
  number(offset, 8);
  number(length, 8);
  text(first);
  text(second);
}

static bool status_of_file(const struct entry *entry, int file, struct stat *status) {
  char link[64];
  snprintf(link, sizeof link, "/proc/%d/fd/%d", entry->thread, file);
  return stat(link, status) == 0;
}

void before_call(const struct entry *entry) {
  if (!record) return;
  struct stat status;
  was_there = lstat(entry->first, &status) == 0;
  size_before = was_there ? (uint64_t)status.st_size : 0;
}

static void opened(const struct entry *entry) {
  struct stat status;
  if (lstat(entry->first, &status) != 0) give_up(entry->first);
  if (!was_there)
    event(CREATED, status.st_ino, 0, 0, entry->first, "");
  else if ((uint64_t)status.st_size != size_before)
    event(RESIZED, status.st_ino, (uint64_t)status.st_size, 0, entry->first, "");
}

static void written(const struct entry *entry, uint64_t count) {
  struct stat status;
  if (!status_of_file(entry, (int)entry->arguments[0], &status)) give_up("fstat");
  uint64_t offset = entry->arguments[3];
  if (entry->call->number == SYS_write) {
    // The position after the call; O_APPEND has moved it, too.
    char name[64], line[64];
    snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", entry->thread, (int)entry->arguments[0]);
    FILE *info = fopen(name, "r");
    unsigned long long position = 0;
    if (!info || !fgets(line, sizeof line, info) || sscanf(line, "pos: %llu", &position) != 1)
      give_up(name);
    fclose(info);
    offset = position - count;
  }
  char *bytes = malloc(count ? count : 1);
  if (!bytes || !read_memory(entry->thread, entry->arguments[1], bytes, count))
    give_up("the bytes of a write");
  event(WRITTEN, status.st_ino, offset, count, entry->first, "");
  fwrite(bytes, 1, count, record);
  free(bytes);
}

static void told(const struct entry *entry, uint64_t count) {
  char bytes[1 << 16];
  if (count > sizeof bytes) count = sizeof bytes;
  if (!read_memory(entry->thread, entry->arguments[1], bytes, count)) return;
  event(TOLD, 0, 0, count, "", "");
  fwrite(bytes, 1, count, record);
}

void after_call(const struct entry *entry, int64_t result) {
  if (!record || result < 0) return;
  struct stat status;
  switch (entry->call->number) {
    case SYS_open:
    case SYS_creat:
    case SYS_openat:
      opened(entry);
      break;
    case SYS_mkdir:
    case SYS_mkdirat:
      if (stat(entry->first, &status) != 0) give_up(entry->first);
      event(MADE, status.st_ino, 0, 0, entry->first, "");
      break;
    case SYS_write:
      if (entry->arguments[0] == 1) {
        told(entry, (uint64_t)result);
        break;
      }
      written(entry, (uint64_t)result);
      break;
    case SYS_pwrite64:
      written(entry, (uint64_t)result);
      break;
    case SYS_ftruncate:
      if (!status_of_file(entry, (int)entry->arguments[0], &status)) give_up("fstat");
      event(RESIZED, status.st_ino, entry->arguments[1], 0, entry->first, "");
      break;
    case SYS_fsync:
    case SYS_fdatasync:
      if (!status_of_file(entry, (int)entry->arguments[0], &status)) give_up("fstat");
      event(SYNCED, status.st_ino, 0, 0, entry->first, "");
      break;
    case SYS_rename:
    case SYS_renameat:
    case SYS_renameat2:
      event(RENAMED, 0, 0, 0, entry->first, entry->second);
      break;
    case SYS_link:
    case SYS_linkat:
      event(LINKED, 0, 0, 0, entry->first, entry->second);
      break;
    case SYS_unlink:
    case SYS_rmdir:
    case SYS_unlinkat:
      event(REMOVED, 0, 0, 0, entry->first, "");
      break;
    default:
      event(UNKNOWN, 0, 0, 0, entry->call->name, entry->first);
  }
  fflush(record);
}
#endif
