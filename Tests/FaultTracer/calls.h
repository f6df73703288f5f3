// Which system calls touch files, where their paths and descriptors are, and which faults they admit.

#ifndef FAULT_TRACER_CALLS_H
#define FAULT_TRACER_CALLS_H

#include <stdbool.h>

// Where a call names a file: a path alone, a descriptor and a path, or a descriptor alone; the number
// is that of the first argument.
enum place { NOWHERE, PATH_0, PATH_1, AT_0, AT_1, AT_2, FILE_0, FILE_2, FILE_4 };

enum quality {
  CHANGES = 1,         // it changes what is stored, so it is recorded and may fail after its effect
  TAKES_SPACE = 2,     // ENOSPC
  OPENS = 4,           // EMFILE; openat counts as CHANGES and TAKES_SPACE only with O_CREAT or O_TRUNC
  INTERRUPTIBLE = 8,   // EINTR
  COUNTED = 16,        // argument 2 is a number of bytes, so it may do less
  SYNCS = 32,
  CLOSES = 64,         // an error is told, but the descriptor is gone
  MAPS = 128           // ENOMEM rather than EIO
};

struct call {
  long number;
  const char *name;
  enum place first, second;
  unsigned qualities;
};

extern const struct call calls[];
extern const int call_count;

// The call of that number, or NULL when it is none of them.
const struct call *find_call(long number);

#endif
