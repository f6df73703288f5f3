#define _GNU_SOURCE
#include "tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

void give_up(const char *what) {
  fprintf(stderr, "fault tracer: %s: %s\n", what, strerror(errno));
  exit(125);
}

#if defined(__x86_64__)
typedef struct user_regs_struct registers;

static void get(pid_t thread, registers *values) {
  if (ptrace(PTRACE_GETREGS, thread, 0, values) != 0) memset(values, 0, sizeof *values);
}

// Fails only for a thread that was killed meanwhile, which needs no registers any more.
static void set(pid_t thread, const registers *values) {
  (void)ptrace(PTRACE_SETREGS, thread, 0, values);
}

static void set_register(registers *values, int argument, uint64_t value) {
  unsigned long long *places[] = {&values->rdi, &values->rsi, &values->rdx,
                                  &values->r10, &values->r8,  &values->r9};
  *places[argument] = value;
}

void skip_call(pid_t thread, int error) {
  registers values;
  get(thread, &values);
  values.orig_rax = (unsigned long long)-1;
  values.rax = (unsigned long long)-(long long)error;
  set(thread, &values);
}

void set_argument(pid_t thread, int argument, uint64_t value) {
  registers values;
  get(thread, &values);
  set_register(&values, argument, value);
  set(thread, &values);
}

int64_t call_result(pid_t thread) {
  registers values;
  get(thread, &values);
  return (int64_t)values.rax;
}

void set_call_result(pid_t thread, int64_t value) {
  registers values;
  get(thread, &values);
  values.rax = (unsigned long long)value;
  set(thread, &values);
}

static long call_number(const registers *values) { return (long)values->orig_rax; }

static void get_arguments(const registers *values, uint64_t arguments[6]) {
  uint64_t all[] = {values->rdi, values->rsi, values->rdx, values->r10, values->r8, values->r9};
  memcpy(arguments, all, sizeof all);
}

bool read_memory(pid_t thread, uint64_t address, void *bytes, size_t count) {
  struct iovec here = {bytes, count}, there = {(void *)address, count};
  return process_vm_readv(thread, &here, 1, &there, 1, 0) == (ssize_t)count;
}

// A string may end just before a page that is not there, so no read crosses the end of a page.
static bool read_text(pid_t thread, uint64_t address, char *text, size_t size) {
  size_t done = 0;
  while (done < size) {
    size_t count = 4096 - (address + done) % 4096;
    if (count > size - done) count = size - done;
    if (!read_memory(thread, address + done, text + done, count)) return false;
    if (memchr(text + done, 0, count)) return true;
    done += count;
  }
  return false;
}

static void path_of_file(pid_t thread, int file, char path[PATH_MAX]) {
  char link[64];
  if (file == AT_FDCWD)
    snprintf(link, sizeof link, "/proc/%d/cwd", thread);
  else
    snprintf(link, sizeof link, "/proc/%d/fd/%d", thread, file);
  ssize_t count = readlink(link, path, PATH_MAX - 1);
  path[count < 0 ? 0 : count] = 0;
}

static void path_at(pid_t thread, int directory, uint64_t address, char path[PATH_MAX]) {
  char text[PATH_MAX];
  if (address == 0) {
    path_of_file(thread, directory, path);
  } else if (!read_text(thread, address, text, sizeof text)) {
    path[0] = 0;
  } else if (strncmp(text, "/proc/self/fd/", 14) == 0) {
    path_of_file(thread, atoi(text + 14), path);
    const char *rest = strchr(text + 14, '/');
    if (rest) strncat(path, rest, PATH_MAX - 1 - strlen(path));
  } else if (text[0] == '/') {
    strcpy(path, text);
  } else {
    path_of_file(thread, directory, path);
    if (text[0] == 0) return;
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX - length, "/%s", text);
  }
}

static void find_path(const struct entry *entry, enum place place, char path[PATH_MAX]) {
  const uint64_t *arguments = entry->arguments;
  path[0] = 0;
  switch (place) {
    case NOWHERE: return;
    case PATH_0: path_at(entry->thread, AT_FDCWD, arguments[0], path); return;
    case PATH_1: path_at(entry->thread, AT_FDCWD, arguments[1], path); return;
    case AT_0: path_at(entry->thread, (int)arguments[0], arguments[1], path); return;
    case AT_1: path_at(entry->thread, (int)arguments[1], arguments[2], path); return;
    case AT_2: path_at(entry->thread, (int)arguments[2], arguments[3], path); return;
    case FILE_0: path_of_file(entry->thread, (int)arguments[0], path); return;
    case FILE_2: path_of_file(entry->thread, (int)arguments[2], path); return;
    case FILE_4:
      if ((int)arguments[4] >= 0) path_of_file(entry->thread, (int)arguments[4], path);
      return;
  }
}

bool read_entry(pid_t thread, struct entry *entry) {
  registers values;
  get(thread, &values);
  entry->thread = thread;
  entry->call = find_call(call_number(&values));
  if (!entry->call) return false;
  get_arguments(&values, entry->arguments);
  entry->qualities = entry->call->qualities;
  long number = entry->call->number;
  uint64_t flags = number == SYS_open ? entry->arguments[1]
                   : number == SYS_openat ? entry->arguments[2] : 0;
  if (flags & (O_CREAT | O_TRUNC)) entry->qualities |= CHANGES | TAKES_SPACE;
  if (number == SYS_mmap && (entry->arguments[3] & MAP_SHARED) && (entry->arguments[2] & PROT_WRITE))
    entry->qualities |= CHANGES;
  find_path(entry, entry->call->first, entry->first);
  find_path(entry, entry->call->second, entry->second);
  return true;
}
#endif
