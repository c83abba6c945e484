/*
 * The least a FUSE server of <pid>/status can do, on the raw protocol: the floor of the benchmarks.
 * Same choices as ours: time-outs 0, direct I/O, no flush; a lookup of a pid checks that the process is there, status is
 * rendered freshly at open from /proc/PID/stat, status, wchan and the session leader's stat.
 * Usage: fuse-floor DIR. Node ids: 1 the root, pid * 4 + 4 a process, pid * 4 + 5 its status.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int fuse;
static char request[(1 << 20) + 4096], text[4096];
static const char *dir;

static void reply(uint64_t unique, int error, const void *body, size_t n) {
  struct fuse_out_header out = {(uint32_t)(sizeof out + n), error, unique};
  struct iovec iov[] = {{&out, sizeof out}, {(void *)body, n}};
  if (writev(fuse, iov, 2) < 0 && errno != ENOENT) exit(errno == ENODEV ? 0 : 1);
}

static int slurp(int pid, const char *name, char *into, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  int n = (int)read(fd, into, size - 1);
  close(fd);
  into[n < 0 ? 0 : n] = 0;
  return n;
}

static int render(int pid) {
  static char stat[2048], status[8192], wchan[128], leader[2048];
  if (slurp(pid, "stat", stat, sizeof stat) < 0 || slurp(pid, "status", status, sizeof status) < 0) return -1;
  slurp(pid, "wchan", wchan, sizeof wchan);
  char *comm = strchr(stat, '(') + 1, *end = strrchr(stat, ')');
  *end = 0;
  int ppid, pgrp, session, tty;
  unsigned long utime, stime;
  unsigned long long start;
  sscanf(end + 2, "%*c %d %d %d %d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu", &ppid, &pgrp, &session, &tty, &utime, &stime, &start);
  if (session != pid) slurp(session, "stat", leader, sizeof leader);
  unsigned euid = 0, egid = 0;
  char *uid = strstr(status, "\nUid:"), *gid = strstr(status, "\nGid:"), *groups = strstr(status, "\nGroups:");
  sscanf(uid, "\nUid: %*u %u", &euid);
  sscanf(gid, "\nGid: %*u %u", &egid);
  char *line = strchr(groups + 1, '\n');
  *line = 0;
  return snprintf(text, sizeof text, "%s %d %d %d %d -1,-1 %s %llu %llu %lu %lu %lu %lu %s %u %u %u%s\n", comm, pid, ppid, pgrp, session,
                  session == pid ? "sldr" : "noflags", start / 100, start % 100 * 10000, utime / 100, utime % 100 * 10000,
                  stime / 100, stime % 100 * 10000, wchan[0] == '0' ? "nochan" : wchan, euid, egid, egid, groups + 8);
}

static int attr(uint64_t id, struct fuse_attr *a) {
  memset(a, 0, sizeof *a);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  a->atime = a->mtime = a->ctime = now.tv_sec;
  a->blksize = 4096;
  if (id == 1) { a->ino = 2; a->mode = S_IFDIR | 0555; a->nlink = 2; return 0; }
  int pid = (int)(id / 4) - 1;
  char path[32];
  struct stat st;
  snprintf(path, sizeof path, "/proc/%d", pid);
  if (stat(path, &st) < 0) return -ENOENT;
  a->ino = 8 * (pid + 1) + (id % 4 ? 6 : 1);
  a->mode = id % 4 ? S_IFREG | 0444 : S_IFDIR | 0555;
  a->nlink = id % 4 ? 1 : 2;
  a->uid = st.st_uid;
  a->gid = st.st_gid;
  return 0;
}

static void lookup(struct fuse_in_header *in, const char *name) {
  struct fuse_entry_out out;
  memset(&out, 0, sizeof out);
  if (in->nodeid == 1) out.nodeid = 4 * (uint64_t)atoi(name) + 4;
  else if (!strcmp(name, "status")) out.nodeid = in->nodeid + 1;
  int error = out.nodeid > 4 ? attr(out.nodeid, &out.attr) : -ENOENT;
  reply(in->unique, error, &out, error ? 0 : sizeof out);
}

static void ended(int sig) { (void)sig; umount2(dir, MNT_DETACH); _exit(0); }

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  dir = argv[1];
  char options[128];
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,max_read=1048576", fuse);
  if (fuse < 0 || mount("floor", dir, "fuse.floor", MS_NOSUID | MS_NODEV, options) < 0) { perror("mount"); return 1; }
  signal(SIGTERM, ended);
  puts("ready");
  fflush(stdout);
  int length = 0;
  for (;;) {
    ssize_t n = read(fuse, request, sizeof request);
    if (n < 0 && (errno == EINTR || errno == ENOENT)) continue;
    if (n < 0) return errno == ENODEV ? 0 : 1;
    struct fuse_in_header *in = (void *)request;
    void *body = request + sizeof *in;
    switch (in->opcode) {
      case FUSE_INIT: {
        struct fuse_init_out out = {.major = 7, .minor = 38, .flags = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES,
                                    .max_background = 64, .congestion_threshold = 48, .max_write = 1 << 20, .time_gran = 1, .max_pages = 256};
        reply(in->unique, 0, &out, sizeof out);
        break;
      }
      case FUSE_LOOKUP: lookup(in, body); break;
      case FUSE_GETATTR: {
        struct fuse_attr_out out = {0};
        int error = attr(in->nodeid, &out.attr);
        reply(in->unique, error, &out, error ? 0 : sizeof out);
        break;
      }
      case FUSE_OPEN: {
        struct fuse_open_out out = {.fh = in->nodeid, .open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH};
        length = render((int)(in->nodeid / 4) - 1);
        reply(in->unique, length < 0 ? -ESRCH : 0, &out, length < 0 ? 0 : sizeof out);
        break;
      }
      case FUSE_READ: {
        struct fuse_read_in *r = body;
        size_t at = r->offset < (uint64_t)length ? r->offset : (size_t)length, count = length - at < r->size ? length - at : r->size;
        reply(in->unique, 0, text + at, count);
        break;
      }
      case FUSE_RELEASE: case FUSE_DESTROY: reply(in->unique, 0, NULL, 0); break;
      case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
      default: reply(in->unique, -ENOSYS, NULL, 0);
    }
  }
}
