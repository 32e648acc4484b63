/* Stands between a program and the system, by LD_PRELOAD: makes system calls fail, or move one byte, as the program
 * asks through `oneloop_fault` and `oneloop_short`. Knows no test. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic(const char *) failing;   /* the name of the call that fails */
static _Atomic int number;              /* with this errno */
static _Atomic long after;              /* but not the first so many calls, */
static _Atomic long every, left;        /* each so many-th call, so many times; without end if negative */
static _Atomic long calls, made;
static _Atomic int one_byte;

/* Chooses the call that fails from now on; none if `call` is null. The string must stay. */
void oneloop_fault(const char *call, int error, long first, long each, long times) {
    atomic_store(&failing, NULL);
    atomic_store(&number, error);
    atomic_store(&after, first);
    atomic_store(&every, each);
    atomic_store(&left, times);
    atomic_store(&calls, 0);
    atomic_store(&failing, call);
}

/* From now on a read or a write of a Unix socket or a pipe moves one byte. */
void oneloop_short(int on) { atomic_store(&one_byte, on); }

/* How many faults were made so far. */
long oneloop_faults_made(void) { return atomic_load(&made); }

static int fails(const char *call) {
    const char *wanted = atomic_load(&failing);
    if (!wanted || strcmp(wanted, call) != 0) return 0;
    long past = atomic_fetch_add(&calls, 1) - atomic_load(&after);
    if (past < 0 || past % atomic_load(&every) != 0) return 0;
    if (atomic_load(&left) == 0) return 0;
    atomic_fetch_sub(&left, 1);
    atomic_fetch_add(&made, 1);
    errno = atomic_load(&number);
    return 1;
}

/* Faults of reads and writes are for sockets and pipes, the program's own output excepted. */
static int is_wire(int fd) {
    struct stat about;
    return fd > 2 && fstat(fd, &about) == 0 && (S_ISSOCK(about.st_mode) || S_ISFIFO(about.st_mode));
}

/* TCP moves less than it was asked to only if there is no more, and the program may rely on that. */
static size_t allowed(int fd, size_t count) {
    int kind = 0;
    socklen_t size = sizeof kind;
    if (!atomic_load(&one_byte) || count < 2 || !is_wire(fd)) return count;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &kind, &size) == 0 && kind != AF_UNIX) return count;
    return 1;
}

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags) {
    REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int);
    return fails("accept4") ? -1 : real(fd, address, size, flags);
}

ssize_t recv(int fd, void *buffer, size_t count, int flags) {
    REAL(ssize_t, "recv", int, void *, size_t, int);
    return is_wire(fd) && fails("recv") ? -1 : real(fd, buffer, allowed(fd, count), flags);
}

ssize_t read(int fd, void *buffer, size_t count) {
    REAL(ssize_t, "read", int, void *, size_t);
    return is_wire(fd) && fails("read") ? -1 : real(fd, buffer, allowed(fd, count));
}

ssize_t send(int fd, const void *buffer, size_t count, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    return is_wire(fd) && fails("send") ? -1 : real(fd, buffer, allowed(fd, count), flags);
}

ssize_t write(int fd, const void *buffer, size_t count) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return is_wire(fd) && fails("write") ? -1 : real(fd, buffer, allowed(fd, count));
}

/* The first piece alone, so that less moves. */
ssize_t writev(int fd, const struct iovec *pieces, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    if (is_wire(fd) && (fails("send") || fails("write"))) return -1;
    if (count > 0 && pieces[0].iov_len > 1 && allowed(fd, pieces[0].iov_len) == 1) {
        struct iovec piece = {pieces[0].iov_base, 1};
        return real(fd, &piece, 1);
    }
    return real(fd, pieces, count);
}

ssize_t readv(int fd, const struct iovec *pieces, int count) {
    REAL(ssize_t, "readv", int, const struct iovec *, int);
    if (is_wire(fd) && (fails("recv") || fails("read"))) return -1;
    if (count > 0 && pieces[0].iov_len > 1 && allowed(fd, pieces[0].iov_len) == 1) {
        struct iovec piece = {pieces[0].iov_base, 1};
        return real(fd, &piece, 1);
    }
    return real(fd, pieces, count);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    if (is_wire(fd) && fails("send")) return -1;
    if (message->msg_iovlen > 0 && message->msg_controllen == 0 && message->msg_iov[0].iov_len > 1 &&
        allowed(fd, message->msg_iov[0].iov_len) == 1) {
        struct iovec piece = {message->msg_iov[0].iov_base, 1};
        struct msghdr one = *message;
        one.msg_iov = &piece;
        one.msg_iovlen = 1;
        return real(fd, &one, flags);
    }
    return real(fd, message, flags);
}

int connect(int fd, const struct sockaddr *address, socklen_t size) {
    REAL(int, "connect", int, const struct sockaddr *, socklen_t);
    return fails("connect") ? -1 : real(fd, address, size);
}

int socket(int domain, int type, int protocol) {
    REAL(int, "socket", int, int, int);
    return fails("socket") ? -1 : real(domain, type, protocol);
}

int epoll_ctl(int poll, int what, int fd, struct epoll_event *event) {
    REAL(int, "epoll_ctl", int, int, int, struct epoll_event *);
    return what != EPOLL_CTL_DEL && fails("epoll_ctl") ? -1 : real(poll, what, fd, event);
}

int epoll_wait(int poll, struct epoll_event *events, int count, int limit) {
    REAL(int, "epoll_wait", int, struct epoll_event *, int, int);
    return fails("epoll_wait") ? -1 : real(poll, events, count, limit);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit, const sigset_t *mask) {
    REAL(int, "ppoll", struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    return fails("epoll_wait") ? -1 : real(fds, count, limit, mask);
}

int epoll_create1(int flags) {
    REAL(int, "epoll_create1", int);
    return fails("epoll_create1") ? -1 : real(flags);
}

int eventfd(unsigned int value, int flags) {
    REAL(int, "eventfd", unsigned int, int);
    return fails("eventfd") ? -1 : real(value, flags);
}

int pipe2(int ends[2], int flags) {
    REAL(int, "pipe2", int *, int);
    return fails("pipe2") ? -1 : real(ends, flags);
}

int socketpair(int domain, int type, int protocol, int ends[2]) {
    REAL(int, "socketpair", int, int, int, int *);
    return fails("socketpair") ? -1 : real(domain, type, protocol, ends);
}

pid_t fork(void) {
    REAL(pid_t, "fork", void);
    return fails("fork") ? -1 : real();
}

static int spawn_fails(void) { return fails("fork") ? errno : 0; }

int posix_spawn(pid_t *restrict child, const char *restrict path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *restrict attributes, char *const argv[restrict], char *const env[restrict]) {
    REAL(int, "posix_spawn", pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
         char *const *, char *const *);
    int error = spawn_fails();
    return error ? error : real(child, path, actions, attributes, argv, env);
}

int posix_spawnp(pid_t *restrict child, const char *restrict file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *restrict attributes, char *const argv[restrict], char *const env[restrict]) {
    REAL(int, "posix_spawnp", pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
         char *const *, char *const *);
    int error = spawn_fails();
    return error ? error : real(child, file, actions, attributes, argv, env);
}
