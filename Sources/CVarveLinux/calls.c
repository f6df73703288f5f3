#define _GNU_SOURCE
#include "CVarveLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "file offsets take 64 bits");
_Static_assert(offsetof(struct varve_directory_entry, name) == 19, "the layout of getdents64");

const int varve_o_path = O_PATH;
const int varve_o_tmpfile = O_TMPFILE;
const int varve_o_noatime = O_NOATIME;
const int varve_at_empty_path = AT_EMPTY_PATH;
const int varve_at_symlink_follow = AT_SYMLINK_FOLLOW;
const int varve_at_symlink_nofollow = AT_SYMLINK_NOFOLLOW;
const int varve_at_removedir = AT_REMOVEDIR;
const unsigned varve_rename_noreplace = RENAME_NOREPLACE;
const uint64_t varve_attribute_mount_root = 0x2000;  // STATX_ATTR_MOUNT_ROOT, which older headers lack
const int64_t varve_utime_omit = UTIME_OMIT;

void varve_error_text(int error, char *text, size_t size) {
#ifdef __GLIBC__
  // The GNU form may return a constant string instead of filling the buffer.
  char space[256];
  snprintf(text, size, "%s", strerror_r(error, space, sizeof space));
#else
  if (strerror_r(error, text, size) != 0) snprintf(text, size, "error %d", error);
#endif
}

#define ONCE(call)                              \
  do {                                          \
    __typeof__(call) result_ = (call);          \
    return result_ < 0 ? -errno : result_;      \
  } while (0)

#define UNTIL_NOT_INTERRUPTED(call)             \
  do {                                          \
    __typeof__(call) result_;                   \
    do                                          \
      result_ = (call);                         \
    while (result_ < 0 && errno == EINTR);      \
    return result_ < 0 ? -errno : result_;      \
  } while (0)

int varve_open(int directory, const char *path, int flags, mode_t mode) {
  UNTIL_NOT_INTERRUPTED(openat(directory, path, flags | O_CLOEXEC, mode));
}

unsigned varve_file_system(int descriptor) {
  struct statfs status;
  return fstatfs(descriptor, &status) == 0 ? (unsigned)status.f_type : 0;
}

int varve_statx(int directory, const char *path, int flags, struct varve_status *status) {
  struct statx x;
  int result;
  do
    result = (int)syscall(SYS_statx, directory, path, flags, STATX_BASIC_STATS, &x);
  while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  *status = (struct varve_status){
      .inode = x.stx_ino,
      .size = x.stx_size,
      .blocks = x.stx_blocks,
      .attributes = x.stx_attributes,
      .attributes_mask = x.stx_attributes_mask,
      .modified_seconds = x.stx_mtime.tv_sec,
      .changed_seconds = x.stx_ctime.tv_sec,
      .accessed_seconds = x.stx_atime.tv_sec,
      .modified_nanoseconds = x.stx_mtime.tv_nsec,
      .changed_nanoseconds = x.stx_ctime.tv_nsec,
      .accessed_nanoseconds = x.stx_atime.tv_nsec,
      .mode = x.stx_mode,
      .owner = x.stx_uid,
      .group = x.stx_gid,
      .links = x.stx_nlink,
      .device_major = x.stx_dev_major,
      .device_minor = x.stx_dev_minor,
      .special_device_major = x.stx_rdev_major,
      .special_device_minor = x.stx_rdev_minor,
  };
  return 0;
}

ssize_t varve_getdents(int directory, void *buffer, size_t size) {
  UNTIL_NOT_INTERRUPTED((ssize_t)syscall(SYS_getdents64, directory, buffer, size));
}

ssize_t varve_readlink(int directory, const char *path, char *buffer, size_t size) {
  ONCE(readlinkat(directory, path, buffer, size));
}

int varve_mkdir(int directory, const char *path, mode_t mode) {
  ONCE(mkdirat(directory, path, mode));
}

int varve_mknod(int directory, const char *path, mode_t mode, uint32_t major, uint32_t minor) {
  ONCE(mknodat(directory, path, mode, makedev(major, minor)));
}

int varve_symlink(const char *target, int directory, const char *path) {
  ONCE(symlinkat(target, directory, path));
}

int varve_link(int from_directory, const char *from, int to_directory, const char *to, int flags) {
  ONCE(linkat(from_directory, from, to_directory, to, flags));
}

int varve_rename(int from_directory, const char *from, int to_directory, const char *to,
                 unsigned flags) {
  if (flags == 0) ONCE(renameat(from_directory, from, to_directory, to));
  ONCE((int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags));
}

int varve_unlink(int directory, const char *path, int flags) {
  ONCE(unlinkat(directory, path, flags));
}

ssize_t varve_pread(int file, void *buffer, size_t size, int64_t offset) {
  UNTIL_NOT_INTERRUPTED(pread(file, buffer, size, offset));
}

ssize_t varve_pwrite(int file, const void *buffer, size_t size, int64_t offset) {
  UNTIL_NOT_INTERRUPTED(pwrite(file, buffer, size, offset));
}

int varve_memory_file(const char *name) { ONCE(memfd_create(name, MFD_CLOEXEC)); }
int varve_fsync(int file) { UNTIL_NOT_INTERRUPTED(fsync(file)); }

int varve_syncfs(int file) { UNTIL_NOT_INTERRUPTED(syncfs(file)); }

int varve_truncate(int file, int64_t size) { UNTIL_NOT_INTERRUPTED(ftruncate(file, size)); }

int varve_allocate(int file, int64_t offset, int64_t length) {
  UNTIL_NOT_INTERRUPTED(fallocate(file, 0, offset, length));
}

int64_t varve_seek_data(int file, int64_t offset) { ONCE(lseek(file, offset, SEEK_DATA)); }

int64_t varve_seek_hole(int file, int64_t offset) { ONCE(lseek(file, offset, SEEK_HOLE)); }

int varve_chown(int directory, const char *path, uid_t owner, gid_t group, int flags) {
  ONCE(fchownat(directory, path, owner, group, flags));
}

int varve_chmod(const char *path, mode_t mode) { ONCE(chmod(path, mode)); }

int varve_fchown(int file, uid_t owner, gid_t group) { ONCE(fchown(file, owner, group)); }

int varve_fchmod(int file, mode_t mode) { ONCE(fchmod(file, mode)); }

int varve_set_times(int directory, const char *path, int flags, int64_t access_seconds,
                    int64_t access_nanoseconds, int64_t modification_seconds,
                    int64_t modification_nanoseconds) {
  struct timespec times[2] = {{access_seconds, access_nanoseconds},
                              {modification_seconds, modification_nanoseconds}};
  ONCE(utimensat(directory, path, times, flags));
}

int varve_set_file_times(int file, int64_t access_seconds, int64_t access_nanoseconds,
                         int64_t modification_seconds, int64_t modification_nanoseconds) {
  struct timespec times[2] = {{access_seconds, access_nanoseconds},
                              {modification_seconds, modification_nanoseconds}};
  ONCE(futimens(file, times));
}

int varve_get_inode_flags(int file, uint32_t *flags) {
  // The kernel reads and writes an int here, although the request is declared with a long.
  int value = 0;
  int result = ioctl(file, FS_IOC_GETFLAGS, &value);
  if (result < 0) return -errno;
  *flags = (uint32_t)value;
  return 0;
}

int varve_set_inode_flags(int file, uint32_t flags) {
  int value = (int)flags;
  ONCE(ioctl(file, FS_IOC_SETFLAGS, &value));
}

ssize_t varve_flistxattr(int file, void *names, size_t size) {
  ONCE(flistxattr(file, names, size));
}

ssize_t varve_llistxattr(const char *path, void *names, size_t size) {
  ONCE(llistxattr(path, names, size));
}

ssize_t varve_fgetxattr(int file, const char *name, void *value, size_t size) {
  ONCE(fgetxattr(file, name, value, size));
}

ssize_t varve_lgetxattr(const char *path, const char *name, void *value, size_t size) {
  ONCE(lgetxattr(path, name, value, size));
}

int varve_fsetxattr(int file, const char *name, const void *value, size_t size) {
  ONCE(fsetxattr(file, name, value, size, 0));
}

int varve_setxattr(const char *path, const char *name, const void *value, size_t size) {
  ONCE(setxattr(path, name, value, size, 0));
}

int varve_fremovexattr(int file, const char *name) { ONCE(fremovexattr(file, name)); }

int varve_spawn(char *const arguments[], int channel, int errors, pid_t *child) {
  // A descriptor of 0 to 2, had when this process was started without them, would be overwritten on the way.
  int from[2] = {fcntl(channel, F_DUPFD_CLOEXEC, 3), fcntl(errors, F_DUPFD_CLOEXEC, 3)};
  int result = from[0] < 0 || from[1] < 0 ? errno : 0;
  if (result == 0) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, from[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[0], 1);
    posix_spawn_file_actions_adddup2(&actions, from[1], 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    result = posix_spawnp(child, arguments[0], &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  for (int i = 0; i < 2; i++)
    if (from[i] >= 0) close(from[i]);
  return -result;
}

int varve_spawn_command(char *const arguments[], char *const environment[], const char *directory,
                        int input, int output, int errors, pid_t *child) {
  int from[3] = {fcntl(input, F_DUPFD_CLOEXEC, 3), fcntl(output, F_DUPFD_CLOEXEC, 3),
                 fcntl(errors, F_DUPFD_CLOEXEC, 3)};
  int result = from[0] < 0 || from[1] < 0 || from[2] < 0 ? errno : 0;
  if (result == 0) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++) posix_spawn_file_actions_adddup2(&actions, from[i], i);
    if (directory) result = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (result == 0) result = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    if (result == 0)
      result = posix_spawnp(child, arguments[0], &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  for (int i = 0; i < 3; i++)
    if (from[i] >= 0) close(from[i]);
  return -result;
}

int varve_process_handle(pid_t child) { ONCE((int)syscall(SYS_pidfd_open, child, 0)); }

int varve_pipe(int ends[2]) { ONCE(pipe2(ends, O_CLOEXEC)); }

void varve_map_blocks_from(int size) { mallopt(M_MMAP_THRESHOLD, size); }

static int argument_count;
static char **arguments;

// glibc calls constructors with what main gets.
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
  argument_count = count;
  arguments = values;
}

int varve_argument_count(void) { return argument_count; }

const char *varve_argument(int index) {
  return index >= 0 && index < argument_count ? arguments[index] : NULL;
}
