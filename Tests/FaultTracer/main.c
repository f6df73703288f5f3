// Runs a program and does something to one of the system calls with which it touches certain
// directories: on Linux on x86-64, with ptrace and a seccomp filter, so that only those calls stop
// it and all its threads and children are seen.
//
//     FaultTracer --under DIRECTORY... [--list FILE] [--record FILE] [--report FILE]
//                 [--kill N | --kill-after CALL N | --fault FAULT N] -- PROGRAM ARGUMENT...
//
//     --list FILE    every call of those directories, in order: number, name, path
//     --record FILE  every change of them (record.h)
//     --kill N       SIGKILL to the program and its children at the entry of call N, counted from 1
//     --kill-after CALL N  the same when the Nth call of that name has returned
//     --fault FAULT N  the Nth call that admits FAULT meets it; FAULT is NAME or NAME+ (it, and every
//                    such call after it), with NAME one of
//       EIO ENOSPC EINTR EMFILE ENOMEM EROFS   the call is not performed and returns this error
//       after        the change is made, and the call returns EIO all the same
//       short        reads or writes half of the bytes
//       lost         fsync returns EIO and the file's bytes are gone, as the page cache drops them
//     --report FILE  "struck NAME PATH" if the Nth call was reached; at the end "total COUNT", of the calls that
//                    were counted
//
// Exit status: the program's, 200 + the signal that ended it, or 125 when the tracer failed.

#define _GNU_SOURCE
#include <stdio.h>

#if !defined(__x86_64__)
int main(void) {
  fputs("fault tracer: only for x86-64\n", stderr);
  return 125;
}
#else

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"
#include "tracee.h"

enum { ROOT_LIMIT = 8 };

struct fault {
  const char *name;
  unsigned qualities;  // the call must have one of these; 0 for any
  int error;
};

static const struct fault faults[] = {
    {"EIO", 0, EIO},
    {"ENOSPC", TAKES_SPACE, ENOSPC},
    {"EROFS", TAKES_SPACE, EROFS},
    {"EINTR", INTERRUPTIBLE, EINTR},
    {"EMFILE", OPENS, EMFILE},
    {"ENOMEM", MAPS, ENOMEM},
    {"after", CHANGES | CLOSES, EIO},
    {"short", COUNTED, 0},
    {"lost", SYNCS, EIO},
};

static const char *roots[ROOT_LIMIT];
static int root_count;
static FILE *list, *report;
static long chosen;           // counted from 1; 0 for none
static bool kills, lasts, records;
static const struct fault *fault;
static long seen, listed;
static const char *kill_after;
static pid_t program;

static bool lies_under_root(const char *path) {
  for (int i = 0; i < root_count; i++) {
    size_t length = strlen(roots[i]);
    if (strncmp(path, roots[i], length) == 0 && (path[length] == '/' || path[length] == 0))
      return true;
  }
  return false;
}

static bool tells(const struct entry *entry) {
  return entry->call->number == SYS_write && entry->arguments[0] == 1;
}

static bool admits(const struct entry *entry) {
  if (fault->error == EIO && entry->qualities & (MAPS | CLOSES) && strcmp(fault->name, "after") != 0)
    return false;
  if (fault->error == EINTR && entry->qualities & CLOSES) return false;
  if (strcmp(fault->name, "short") == 0 && entry->arguments[2] < 2) return false;
  return fault->qualities == 0 || entry->qualities & fault->qualities;
}

static void proceed(pid_t thread, int signal) { (void)ptrace(PTRACE_CONT, thread, 0, signal); }

// Lets the thread perform the call at whose entry it is and stops it at its exit, with every other thread that
// reaches a call held back meanwhile. Says whether the thread is still there.
static bool perform(pid_t thread) {
  if (ptrace(PTRACE_SYSCALL, thread, 0, 0) != 0) return false;
  int status;
  while (waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status)) {
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) return true;
    int signal = status >> 16 ? 0 : WSTOPSIG(status);
    if (ptrace(PTRACE_SYSCALL, thread, 0, signal) != 0) return false;
  }
  return false;
}

// What is left of a file whose pages the kernel dropped after it could not write them.
static void lose_bytes(const char *path) {
  int file = open(path, O_WRONLY | O_NOFOLLOW);
  struct stat status;
  if (file < 0) return;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    if (ftruncate(file, 0) != 0 || ftruncate(file, status.st_size) != 0) give_up(path);
  }
  close(file);
}

static void strike(const struct entry *entry) {
  pid_t thread = entry->thread;
  if (strcmp(fault->name, "short") == 0) {
    set_argument(thread, 2, entry->arguments[2] / 2);
    proceed(thread, 0);
  } else if (strcmp(fault->name, "after") == 0) {
    before_call(entry);
    if (perform(thread)) {
      after_call(entry, call_result(thread));
      set_call_result(thread, -fault->error);
      proceed(thread, 0);
    }
  } else {
    if (strcmp(fault->name, "lost") == 0) lose_bytes(entry->first);
    skip_call(thread, fault->error);
    proceed(thread, 0);
  }
}

static void reached(const struct entry *entry) {
  if (report) {
    fprintf(report, "struck %s %s\n", entry->call->name, entry->first);
    fflush(report);
  }
}

static void stopped_at_entry(pid_t thread) {
  static struct entry entry;
  if (!read_entry(thread, &entry)) return proceed(thread, 0);
  bool relevant = lies_under_root(entry.first) || lies_under_root(entry.second);
  if (relevant) {
    listed++;
    if (list) fprintf(list, "%ld %s %s\n", listed, entry.call->name, entry.first);
    if (kills && listed == chosen) {
      reached(&entry);
      kill(-program, SIGKILL);
      return;
    }
    if (kill_after && strcmp(kill_after, entry.call->name) == 0 && ++seen == chosen) {
      reached(&entry);
      before_call(&entry);
      if (perform(thread)) after_call(&entry, call_result(thread));
      kill(-program, SIGKILL);
      return;
    }
    if (fault && admits(&entry)) {
      seen++;
      if (seen == chosen) reached(&entry);
      if (seen == chosen || (lasts && seen > chosen)) return strike(&entry);
    }
  }
  if (records && (tells(&entry) || (relevant && entry.qualities & (CHANGES | SYNCS)))) {
    before_call(&entry);
    if (!perform(thread)) return;
    after_call(&entry, call_result(thread));
  }
  proceed(thread, 0);
}

// Every call of the table stops at its entry; all others run at full speed.
static void install_filter(void) {
  static struct sock_filter filter[160];
  int count = 0;
  filter[count++] = (struct sock_filter)BPF_STMT(
      BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < call_count; i++) {
    filter[count++] = (struct sock_filter)BPF_JUMP(
        BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  }
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {(unsigned short)count, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    give_up("seccomp");
}

static void start(char **command) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) give_up("pipe");
  program = fork();
  if (program < 0) give_up("fork");
  if (program == 0) {
    char byte;
    setpgid(0, 0);
    if (read(ready[0], &byte, 1) != 1) give_up("the pipe to the tracer");
    install_filter();
    execvp(command[0], command);
    give_up(command[0]);
  }
  setpgid(program, program);
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD |
                 PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  if (ptrace(PTRACE_SEIZE, program, 0, options) != 0) give_up("ptrace");
  if (write(ready[1], "", 1) != 1) give_up("pipe");
  close(ready[0]);
  close(ready[1]);
}

static int follow(void) {
  int status, outcome = 125;
  pid_t thread;
  while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
    if (thread <= 0) continue;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (thread == program)
        outcome = WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
    } else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
      stopped_at_entry(thread);
    } else {
      // The beginning of a thread, exec, and the like are no signals.
      proceed(thread, status >> 16 ? 0 : WSTOPSIG(status));
    }
  }
  return outcome;
}

static FILE *create(const char *path) {
  FILE *file = fopen(path, "we");
  if (!file) give_up(path);
  return file;
}

static void choose_fault(char *name) {
  size_t length = strlen(name);
  lasts = length > 0 && name[length - 1] == '+';
  if (lasts) name[length - 1] = 0;
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (strcmp(faults[i].name, name) == 0) fault = &faults[i];
  if (!fault) {
    errno = EINVAL;
    give_up(name);
  }
}

int main(int count, char **arguments) {
  int i = 1;
  for (; i + 1 < count && strcmp(arguments[i], "--") != 0; i += 2) {
    char *option = arguments[i], *value = arguments[i + 1];
    if (strcmp(option, "--under") == 0 && root_count < ROOT_LIMIT) {
      roots[root_count++] = value;
    } else if (strcmp(option, "--list") == 0) {
      list = create(value);
    } else if (strcmp(option, "--report") == 0) {
      report = create(value);
    } else if (strcmp(option, "--record") == 0) {
      open_record(value);
      records = true;
    } else if (strcmp(option, "--kill") == 0) {
      kills = true;
      chosen = atol(value);
    } else if (strcmp(option, "--kill-after") == 0 && i + 2 < count) {
      kill_after = value;
      chosen = atol(arguments[i + 2]);
      i++;
    } else if (strcmp(option, "--fault") == 0 && i + 2 < count) {
      choose_fault(value);
      chosen = atol(arguments[i + 2]);
      i++;
    } else {
      errno = EINVAL;
      give_up(option);
    }
  }
  if (i + 1 >= count) {
    errno = EINVAL;
    give_up("no program");
  }
  start(arguments + i + 1);
  int outcome = follow();
  if (report) fprintf(report, "total %ld\n", fault || kill_after ? seen : listed);
  return outcome;
}
#endif
