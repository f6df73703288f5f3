// Linux system calls that Swift's Glibc module does not offer, or offers only as variadic functions
// and macros that Swift cannot import.
//
// Every function returns what the system call returns when that is not negative, and the negated
// errno otherwise, so that no caller reads a thread-local variable. Calls that a signal may
// interrupt are repeated. Names and paths are bytes that end with NUL.

#ifndef CVARVELINUX_H
#define CVARVELINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The text of an error number, at most `size` bytes with the NUL.
void varve_error_text(int error, char *text, size_t size);

// Flags, with the values of the platform that compiles this; see open(2), openat(2), rename(2).
extern const int varve_o_path, varve_o_tmpfile, varve_o_noatime;
extern const int varve_at_empty_path, varve_at_symlink_follow;
extern const int varve_at_symlink_nofollow, varve_at_removedir;
extern const unsigned varve_rename_noreplace;

// The nanoseconds for varve_set_times that mean "leave as it is".
extern const int64_t varve_utime_omit;

// A directory entry as getdents64 writes it: records follow one another, each `record_length` long.
struct varve_directory_entry {
  uint64_t inode;
  int64_t offset;
  uint16_t record_length;
  uint8_t type;
  char name[];
};

// What statx(2) says: <linux/stat.h> cannot be imported beside Glibc's <sys/stat.h>.
struct varve_status {
  uint64_t inode, size, blocks, attributes, attributes_mask;
  int64_t modified_seconds, changed_seconds, accessed_seconds;
  uint32_t modified_nanoseconds, changed_nanoseconds, accessed_nanoseconds;
  uint32_t mode, owner, group, links;
  uint32_t device_major, device_minor;                  // where the file is
  uint32_t special_device_major, special_device_minor;  // what a device node stands for
};

// Of `attributes`: the root of a mount. Not known before Linux 5.8.
extern const uint64_t varve_attribute_mount_root;

// Opening; always with O_CLOEXEC.
int varve_open(int directory, const char *path, int flags, mode_t mode);

// Status and listing. `buffer` must be aligned to 8 bytes.
int varve_statx(int directory, const char *path, int flags, struct varve_status *status);

// The file system's type, as linux/magic.h has it; 0 when it is not known.
unsigned varve_file_system(int descriptor);
ssize_t varve_getdents(int directory, void *buffer, size_t size);
ssize_t varve_readlink(int directory, const char *path, char *buffer, size_t size);

// Making, moving and removing entries.
int varve_mkdir(int directory, const char *path, mode_t mode);
int varve_mknod(int directory, const char *path, mode_t mode, uint32_t major, uint32_t minor);
int varve_symlink(const char *target, int directory, const char *path);
int varve_link(int from_directory, const char *from, int to_directory, const char *to, int flags);
int varve_rename(int from_directory, const char *from, int to_directory, const char *to,
                 unsigned flags);
int varve_unlink(int directory, const char *path, int flags);

// Data. A memory file has no name and no place in any file system.
int varve_memory_file(const char *name);
ssize_t varve_pread(int file, void *buffer, size_t size, int64_t offset);
ssize_t varve_pwrite(int file, const void *buffer, size_t size, int64_t offset);
int varve_fsync(int file);
int varve_syncfs(int file);
int varve_truncate(int file, int64_t size);
int varve_allocate(int file, int64_t offset, int64_t length);
int64_t varve_seek_data(int file, int64_t offset);
int64_t varve_seek_hole(int file, int64_t offset);

// Metadata. Inode flags are those of chattr(1): FS_*_FL in <linux/fs.h>. `varve_chmod` follows links,
// as it must for a path through /proc/self/fd.
int varve_chown(int directory, const char *path, uid_t owner, gid_t group, int flags);
int varve_chmod(const char *path, mode_t mode);
int varve_fchown(int file, uid_t owner, gid_t group);
int varve_fchmod(int file, mode_t mode);
int varve_set_times(int directory, const char *path, int flags, int64_t access_seconds,
                    int64_t access_nanoseconds, int64_t modification_seconds,
                    int64_t modification_nanoseconds);
int varve_set_file_times(int file, int64_t access_seconds, int64_t access_nanoseconds,
                         int64_t modification_seconds, int64_t modification_nanoseconds);
int varve_get_inode_flags(int file, uint32_t *flags);
int varve_set_inode_flags(int file, uint32_t flags);

// Extended attributes; the `l` forms do not follow a final symbolic link, varve_setxattr does.
ssize_t varve_flistxattr(int file, void *names, size_t size);
ssize_t varve_llistxattr(const char *path, void *names, size_t size);
ssize_t varve_fgetxattr(int file, const char *name, void *value, size_t size);
ssize_t varve_lgetxattr(const char *path, const char *name, void *value, size_t size);
int varve_fsetxattr(int file, const char *name, const void *value, size_t size);
int varve_setxattr(const char *path, const char *name, const void *value, size_t size);
int varve_fremovexattr(int file, const char *name);

// Starts a program, found in PATH, in a session of its own, with no signal blocked or ignored; `channel` becomes its
// standard input and output, `errors` its standard error. `arguments` ends with a null pointer.
int varve_spawn(char *const arguments[], int channel, int errors, pid_t *child);

// Starts a program, found in PATH, in a session and so a process group of its own, with no signal blocked or ignored and
// no descriptor but its three streams. `directory` may be null. `arguments` and `environment` end with a null pointer.
int varve_spawn_command(char *const arguments[], char *const environment[], const char *directory,
                        int input, int output, int errors, pid_t *child);

// A descriptor of a child, readable once it has ended; see pidfd_open(2).
int varve_process_handle(pid_t child);

// A pipe that no other program inherits; `ends` are the reading and the writing one.
int varve_pipe(int ends[2]);

// The program's arguments, its name first, and how many there are, as the loader handed them over. Swift's own look for
// them before the environment, and find none where a library that was loaded before the program has moved that by setenv(3).
int varve_argument_count(void);
const char *varve_argument(int index);

// Has malloc map every block of `size` bytes or more, so that it goes back to the system when it is
// freed. Left alone, glibc raises the limit to the largest block that was freed.
void varve_map_blocks_from(int size);

#endif
