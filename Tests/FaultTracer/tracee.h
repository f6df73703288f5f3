// A stopped thread of the traced program: its registers, its memory, the files that it means.

#ifndef FAULT_TRACER_TRACEE_H
#define FAULT_TRACER_TRACEE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "calls.h"

// A system call at its entry, with the absolute paths that it names.
struct entry {
  pid_t thread;
  const struct call *call;
  unsigned qualities;
  uint64_t arguments[6];
  char first[PATH_MAX], second[PATH_MAX];
};

// Stops the tracer itself, with exit status 125.
_Noreturn void give_up(const char *what);

// Fills in the call at whose entry the thread has stopped; says whether it is one of the table's.
bool read_entry(pid_t thread, struct entry *entry);

// Has the thread return `error` from the call at whose entry it is, without performing it.
void skip_call(pid_t thread, int error);

// Replaces an argument of the call at whose entry the thread is.
void set_argument(pid_t thread, int argument, uint64_t value);

// What a call returned, at its exit.
int64_t call_result(pid_t thread);
void set_call_result(pid_t thread, int64_t value);

// Copies memory of the traced program; says whether all of it is there.
bool read_memory(pid_t thread, uint64_t address, void *bytes, size_t count);

#endif
