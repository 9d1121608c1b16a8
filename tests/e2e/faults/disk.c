/* A disk that forgets, fills up or takes no writes, and a wall clock that is wrong: for one process that preloads this.
 *
 * FAULTY_DISK_UNDER      files below this folder are on the faulty disk
 * FAULTY_DISK_JOURNAL    folder; every write to such a file is noted there until an fsync of that file returns
 * FAULTY_DISK_GROWS      bytes by which those files may grow all in all; then ENOSPC, as from a full disk
 * FAULTY_DISK_READ_ONLY  set: nothing below the folder can be opened for writing, made, renamed or removed (EROFS)
 * FAULTY_DISK_CLOCK      file with a number of seconds by which the wall clock is ahead (a minus: behind)
 *
 * The journal of a file is named after its inode and holds, for each write since its last fsync, five 64-bit numbers of
 * this machine (offset, length of the file before, bytes written, bytes overwritten, bytes cut off) and then the bytes
 * written, overwritten and cut off. All of it is on the page cache when the process is killed, so the test can play a
 * power cut afterwards: it takes back what no fsync had reached, all of it or a part. Contents and lengths are lost that
 * way; names of files are taken as durable at once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *under, *journal, *clock_file;
static size_t under_length;
static long grows = -1;
static int read_only;

__attribute__((constructor)) static void read_environment(void) {
    const char *text;
    under = getenv("FAULTY_DISK_UNDER");
    under_length = under ? strlen(under) : 0;
    journal = getenv("FAULTY_DISK_JOURNAL");
    clock_file = getenv("FAULTY_DISK_CLOCK");
    read_only = getenv("FAULTY_DISK_READ_ONLY") != NULL;
    if ((text = getenv("FAULTY_DISK_GROWS")) != NULL) grows = atol(text);
}

static void give_up(const char *what) {
    dprintf(2, "faulty disk: %s: errno %d\n", what, errno);
    _exit(99);
}

static int is_below(const char *path) {
    return under && path && strncmp(path, under, under_length) == 0;
}

/* Whether a descriptor is a file on the faulty disk. */
static int on_disk(int fd, struct stat *found) {
    char link[64], path[4096];
    ssize_t length;
    if (!under || fstat(fd, found) != 0 || !S_ISREG(found->st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static void journal_path(char *out, size_t size, const struct stat *of) {
    snprintf(out, size, "%s/%llx", journal, (unsigned long long)of->st_ino);
}

static void note(int fd, const struct stat *of, const void *bytes, int64_t offset, int64_t written, int64_t cut) {
    char path[4200];
    int64_t over = 0, numbers[5];
    size_t size;
    char *record;
    int out;
    if (written > 0 && offset < of->st_size)
        over = offset + written < of->st_size ? written : of->st_size - offset;
    size = sizeof numbers + (size_t)(written + over + cut);
    if ((record = malloc(size)) == NULL) give_up("no memory");
    numbers[0] = offset, numbers[1] = of->st_size, numbers[2] = written, numbers[3] = over, numbers[4] = cut;
    memcpy(record, numbers, sizeof numbers);
    if (written) memcpy(record + sizeof numbers, bytes, (size_t)written);
    if (over + cut > 0) {
        /* The descriptor may be for writing only. */
        char self[64];
        int in;
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        in = (int)syscall(SYS_openat, AT_FDCWD, self, O_RDONLY | O_CLOEXEC);
        if (in < 0) give_up("open for the journal");
        if (syscall(SYS_pread64, in, record + sizeof numbers + written, (size_t)(over + cut), offset) != over + cut)
            give_up("read for the journal");
        syscall(SYS_close, in);
    }
    journal_path(path, sizeof path, of);
    out = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0 || syscall(SYS_write, out, record, size) != (long)size) give_up("write the journal");
    syscall(SYS_close, out);
    free(record);
}

static ssize_t write_at(int fd, const void *bytes, size_t count, off64_t offset, int moves) {
    struct stat found;
    ssize_t done;
    if (!on_disk(fd, &found))
        return moves ? syscall(SYS_write, fd, bytes, count) : syscall(SYS_pwrite64, fd, bytes, count, offset);
    pthread_mutex_lock(&lock);
    fstat(fd, &found);
    if (grows >= 0 && offset + (off64_t)count > found.st_size) {
        off64_t fits = found.st_size + grows - offset;
        if (fits <= 0) {
            pthread_mutex_unlock(&lock);
            errno = ENOSPC;
            return -1;
        }
        if ((off64_t)count > fits) count = (size_t)fits;
        grows -= offset + (off64_t)count - found.st_size;
    }
    if (journal) note(fd, &found, bytes, offset, (int64_t)count, 0);
    done = moves ? syscall(SYS_write, fd, bytes, count) : syscall(SYS_pwrite64, fd, bytes, count, offset);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return write_at(fd, bytes, count, offset, 0);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return write_at(fd, bytes, count, offset, 0); }
ssize_t write(int fd, const void *bytes, size_t count) {
    struct stat found;
    off64_t at = lseek(fd, 0, SEEK_CUR);
    if (at >= 0 && (fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &found) == 0) at = found.st_size;
    return write_at(fd, bytes, count, at, 1);
}

int ftruncate64(int fd, off64_t length) {
    struct stat found;
    int done;
    if (!on_disk(fd, &found)) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    fstat(fd, &found);
    if (journal) note(fd, &found, NULL, length, 0, length < found.st_size ? found.st_size - length : 0);
    done = (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_unlock(&lock);
    return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* What is written is durable when this has returned; writers wait meanwhile, so nothing is durable that began later. */
static int sync_with(long number, int fd) {
    struct stat found;
    char path[4200];
    int done;
    if (!journal || !on_disk(fd, &found)) return (int)syscall(number, fd);
    pthread_mutex_lock(&lock);
    done = (int)syscall(number, fd);
    journal_path(path, sizeof path, &found);
    if (done == 0) syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_unlock(&lock);
    return done;
}
int fsync(int fd) { return sync_with(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd); }

static int refuse(const char *path) {
    if (!read_only || !is_below(path)) return 0;
    errno = EROFS;
    return 1;
}

static int open_mode(const char *path, int flags, mode_t mode) {
    if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT))
        if (refuse(path)) return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    va_list more;
    va_start(more, flags);
    if (flags & (O_CREAT | O_TMPFILE)) mode = (mode_t)va_arg(more, int);
    va_end(more);
    return open_mode(path, flags, mode);
}
int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    va_list more;
    va_start(more, flags);
    if (flags & (O_CREAT | O_TMPFILE)) mode = (mode_t)va_arg(more, int);
    va_end(more);
    return open_mode(path, flags, mode);
}
int mkdir(const char *path, mode_t mode) {
    return refuse(path) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
int unlink(const char *path) { return refuse(path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0); }
int rename(const char *from, const char *to) {
    return refuse(from) || refuse(to) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int clock_gettime(clockid_t which, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    int done;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    done = real(which, at);
    if (done == 0 && which == CLOCK_REALTIME && clock_file) {
        char text[32] = {0};
        int in = (int)syscall(SYS_openat, AT_FDCWD, clock_file, O_RDONLY | O_CLOEXEC);
        if (in >= 0) {
            if (syscall(SYS_read, in, text, sizeof text - 1) > 0) at->tv_sec += atol(text);
            syscall(SYS_close, in);
        }
    }
    return done;
}
