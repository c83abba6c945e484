/*
 * A FUSE file system that leaves some requests unanswered for ever, in a mount namespace of its own; of an ordinary user in a
 * user namespace of its own, too. In such a one the kernel fails page faults of users that are not mapped, root among them.
 *
 *   hanging-files DEVICE DIR KINDS COMMAND...
 *
 * KINDS: `r` READ is never answered, `f` FLUSH is never answered. COMMAND runs inside, with the file system on DIR; it is
 * killed when the server is. Every name in it is a file of a megabyte.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static char request[1 << 18];

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) perror(path);
  close(fd);
}

static void reply(int fd, const struct fuse_in_header *in, int error, const void *body, size_t length) {
  char bytes[8192];
  struct fuse_out_header *out = (void *)bytes;
  out->len = sizeof *out + length;
  out->error = -error;
  out->unique = in->unique;
  memcpy(bytes + sizeof *out, body, length);
  if (write(fd, bytes, out->len) < 0 && errno != ENOENT) perror("reply");
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  int uid = getuid(), gid = getgid();
  char text[200];
  if (unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER))) {
    perror("unshare");
    return 1;
  }
  if (uid != 0) {
    put("/proc/self/setgroups", "deny");
    snprintf(text, sizeof text, "0 %d 1", uid);
    put("/proc/self/uid_map", text);
    snprintf(text, sizeof text, "0 %d 1", gid);
    put("/proc/self/gid_map", text);
  }
  mount("none", "/", 0, MS_REC | MS_PRIVATE, 0);
  int fd = open(argv[1], O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    perror(argv[1]);
    return 1;
  }
  snprintf(text, sizeof text, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
  if (mount("hanging", argv[2], "fuse", MS_NOSUID | MS_NODEV, text)) {
    perror("mount");
    return 1;
  }
  const char *kinds = argv[3];
  int started = 0;
  for (;;) {
    ssize_t count = read(fd, request, sizeof request);
    if (count < 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      return 0;
    }
    const struct fuse_in_header *in = (void *)request;
    switch (in->opcode) {
      case FUSE_INIT: {
        struct fuse_init_out out = {.major = 7, .minor = 31, .max_background = 64, .congestion_threshold = 48, .max_write = 65536};
        reply(fd, in, 0, &out, sizeof out);
        if (!started++ && fork() == 0) {
          prctl(PR_SET_PDEATHSIG, SIGKILL);
          execvp(argv[4], argv + 4);
          perror(argv[4]);
          _exit(1);
        }
        break;
      }
      case FUSE_LOOKUP: {
        struct fuse_entry_out out = {.nodeid = 2, .generation = 1, .entry_valid = 1000, .attr_valid = 1000};
        out.attr = (struct fuse_attr){.ino = 2, .mode = S_IFREG | 0777, .nlink = 1, .size = 1 << 20, .blksize = 4096};
        reply(fd, in, 0, &out, sizeof out);
        break;
      }
      case FUSE_GETATTR: {
        struct fuse_attr_out out = {.attr_valid = 1000};
        out.attr = (struct fuse_attr){
            .ino = in->nodeid, .mode = in->nodeid == 1 ? S_IFDIR | 0777 : S_IFREG | 0777, .nlink = 2, .size = 1 << 20};
        reply(fd, in, 0, &out, sizeof out);
        break;
      }
      case FUSE_OPEN:
      case FUSE_OPENDIR: {
        struct fuse_open_out out = {.fh = 1};
        reply(fd, in, 0, &out, sizeof out);
        break;
      }
      case FUSE_READ:
        if (!strchr(kinds, 'r')) {
          static const char page[4096];
          reply(fd, in, 0, page, sizeof page);
        }
        break;
      case FUSE_FLUSH:
        if (!strchr(kinds, 'f')) reply(fd, in, 0, 0, 0);
        break;
      case FUSE_RELEASE:
      case FUSE_RELEASEDIR:
        reply(fd, in, 0, 0, 0);
        break;
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        break;
      default:
        reply(fd, in, ENOSYS, 0, 0);
    }
  }
}
