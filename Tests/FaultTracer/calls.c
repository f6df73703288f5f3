#if defined(__x86_64__)
#include "calls.h"

#include <stddef.h>
#include <sys/syscall.h>

#define CALL(name, ...) {SYS_##name, #name, __VA_ARGS__}

const struct call calls[] = {
    CALL(open, PATH_0, NOWHERE, OPENS | INTERRUPTIBLE),
    CALL(creat, PATH_0, NOWHERE, OPENS | INTERRUPTIBLE | CHANGES | TAKES_SPACE),
    CALL(stat, PATH_0, NOWHERE, 0),
    CALL(lstat, PATH_0, NOWHERE, 0),
    CALL(access, PATH_0, NOWHERE, 0),
    CALL(readlink, PATH_0, NOWHERE, 0),
    CALL(mkdir, PATH_0, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(rmdir, PATH_0, NOWHERE, CHANGES),
    CALL(rename, PATH_0, PATH_1, CHANGES | TAKES_SPACE),
    CALL(link, PATH_0, PATH_1, CHANGES | TAKES_SPACE),
    CALL(unlink, PATH_0, NOWHERE, CHANGES),
    CALL(symlink, PATH_1, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(chmod, PATH_0, NOWHERE, CHANGES),
    CALL(chown, PATH_0, NOWHERE, CHANGES),
    CALL(lchown, PATH_0, NOWHERE, CHANGES),
    CALL(mknod, PATH_0, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(openat, AT_0, NOWHERE, OPENS | INTERRUPTIBLE),
    CALL(newfstatat, AT_0, NOWHERE, 0),
    CALL(statx, AT_0, NOWHERE, 0),
    CALL(fstat, FILE_0, NOWHERE, 0),
    CALL(faccessat, AT_0, NOWHERE, 0),
    CALL(readlinkat, AT_0, NOWHERE, 0),
    CALL(getdents64, FILE_0, NOWHERE, 0),
    CALL(mkdirat, AT_0, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(renameat, AT_0, AT_2, CHANGES | TAKES_SPACE),
    CALL(renameat2, AT_0, AT_2, CHANGES | TAKES_SPACE),
    CALL(linkat, AT_0, AT_2, CHANGES | TAKES_SPACE),
    CALL(unlinkat, AT_0, NOWHERE, CHANGES),
    CALL(symlinkat, AT_1, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(mknodat, AT_0, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(read, FILE_0, NOWHERE, INTERRUPTIBLE | COUNTED),
    CALL(pread64, FILE_0, NOWHERE, INTERRUPTIBLE | COUNTED),
    CALL(readv, FILE_0, NOWHERE, INTERRUPTIBLE),
    CALL(preadv, FILE_0, NOWHERE, INTERRUPTIBLE),
    CALL(write, FILE_0, NOWHERE, CHANGES | TAKES_SPACE | INTERRUPTIBLE | COUNTED),
    CALL(pwrite64, FILE_0, NOWHERE, CHANGES | TAKES_SPACE | INTERRUPTIBLE | COUNTED),
    CALL(writev, FILE_0, NOWHERE, CHANGES | TAKES_SPACE | INTERRUPTIBLE),
    CALL(pwritev, FILE_0, NOWHERE, CHANGES | TAKES_SPACE | INTERRUPTIBLE),
    CALL(copy_file_range, FILE_0, FILE_2, CHANGES | TAKES_SPACE | INTERRUPTIBLE),
    CALL(fallocate, FILE_0, NOWHERE, CHANGES | TAKES_SPACE | INTERRUPTIBLE),
    CALL(truncate, PATH_0, NOWHERE, CHANGES | TAKES_SPACE | INTERRUPTIBLE),
    CALL(ftruncate, FILE_0, NOWHERE, CHANGES | TAKES_SPACE | INTERRUPTIBLE),
    CALL(lseek, FILE_0, NOWHERE, 0),
    CALL(fsync, FILE_0, NOWHERE, SYNCS | TAKES_SPACE | INTERRUPTIBLE),
    CALL(fdatasync, FILE_0, NOWHERE, SYNCS | TAKES_SPACE | INTERRUPTIBLE),
    CALL(syncfs, FILE_0, NOWHERE, SYNCS | TAKES_SPACE | INTERRUPTIBLE),
    CALL(flock, FILE_0, NOWHERE, INTERRUPTIBLE),
    CALL(fchmod, FILE_0, NOWHERE, CHANGES),
    CALL(fchmodat, AT_0, NOWHERE, CHANGES),
    CALL(fchown, FILE_0, NOWHERE, CHANGES),
    CALL(fchownat, AT_0, NOWHERE, CHANGES),
    CALL(utimensat, AT_0, NOWHERE, CHANGES),
    CALL(getxattr, PATH_0, NOWHERE, 0),
    CALL(lgetxattr, PATH_0, NOWHERE, 0),
    CALL(fgetxattr, FILE_0, NOWHERE, 0),
    CALL(listxattr, PATH_0, NOWHERE, 0),
    CALL(llistxattr, PATH_0, NOWHERE, 0),
    CALL(flistxattr, FILE_0, NOWHERE, 0),
    CALL(setxattr, PATH_0, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(lsetxattr, PATH_0, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(fsetxattr, FILE_0, NOWHERE, CHANGES | TAKES_SPACE),
    CALL(fremovexattr, FILE_0, NOWHERE, CHANGES),
    CALL(ioctl, FILE_0, NOWHERE, 0),
    CALL(mmap, FILE_4, NOWHERE, MAPS),
    CALL(close, FILE_0, NOWHERE, INTERRUPTIBLE | CLOSES),
};

const int call_count = sizeof calls / sizeof *calls;

const struct call *find_call(long number) {
  for (int i = 0; i < call_count; i++)
    if (calls[i].number == number) return &calls[i];
  return NULL;
}
#endif
