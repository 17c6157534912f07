/**
 * A disk with a volatile write cache, as a FUSE file system with two files: `disk.img`, to be put under a loop device, and
 * `control`. What is written to the disk stays in memory until it is flushed (fsync), as in a drive without a battery; when a
 * sector is written again before that, the older bytes now and then reach the medium on their own. A power cut keeps some of the
 * unflushed sectors, drawn from a seed, and drops the others, so that writes are torn at any sector and persist in any order;
 * after it the disk answers nothing but EIO, until the file system is mounted again on the same backing file.
 *
 * One thing is not torn: a block of 4 KiB that begins like XFS's metadata is kept or dropped as a whole, as by a disk with physical
 * sectors of that size. XFS needs it: its recovery does not replay onto a block whose head says that it is new, and then finds the
 * checksum of a torn one wrong. XFS's log and superblocks, whose units are sectors of 512 B, and what is in files are torn at those.
 *
 *     vdisk BACKING-FILE SECTORS MOUNT-POINT -f
 *
 * Commands, one to a write to `control`:
 *     cut SEED KEEP             the power goes; of the sectors that are not flushed KEEP percent are kept
 *     fail-flush SKIP COUNT     after SKIP more flushes, COUNT of them fail with EIO; what they should have flushed stays unflushed
 *     delay-flush MILLISECONDS  every flush takes so much longer
 * Reading `control` gives `writes W flushes F dirty D cut C`.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SECTOR = 512, BLOCK_SECTORS = 8, COMMAND_MAX = 100 };

static int backing;
static uint64_t sector_count;
/** By sector: its bytes, if they are not flushed. */
static uint8_t **unflushed;
/** The sectors that are not flushed, in the order of their first write since the last flush. */
static uint64_t *unflushed_sectors;
static uint64_t unflushed_count, writes, flushes;
static uint64_t flushes_to_skip, flushes_to_fail, flush_delay_ms;
static int is_cut;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t random_state = 1;

/** splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t bits_after(uint64_t state) {
  uint64_t mixed = state + 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

static uint64_t random_bits(void) {
  uint64_t bits = bits_after(random_state);
  random_state += 0x9e3779b97f4a7c15u;
  return bits;
}

static int to_medium(uint64_t sector) {
  return pwrite(backing, unflushed[sector], SECTOR, (off_t)(sector * SECTOR)) == SECTOR ? 0 : -EIO;
}

/** What XFS's blocks begin with (xfs_format.h, xfs_da_format.h), where it checks them as a whole. */
static const char *const whole_magics[] = {"AB3B", "AB3C", "IAB3", "FIB3", "RMB3", "R3FC", "BMA3", "IN",
                                           "XDB3", "XDD3", "XDF3", "XSLM", "XARM"};

/** Nodes and leaves of large directories have theirs, of two bytes, behind two pointers. */
static int is_directory_node(const uint8_t *head) {
  uint16_t magic = (uint16_t)(head[8] << 8 | head[9]);
  return magic == 0x3ebe || magic == 0x3df1 || magic == 0x3dff || magic == 0x3bee;
}

static uint64_t block_of(uint64_t sector) { return sector - sector % BLOCK_SECTORS; }

/** Whether the block that begins at this sector, as it was last written, is one that isn't torn. */
static int is_whole(uint64_t block) {
  uint8_t medium[SECTOR];
  const uint8_t *head = unflushed[block];
  if (head == NULL) {
    if (pread(backing, medium, SECTOR, (off_t)(block * SECTOR)) != SECTOR) return 0;
    head = medium;
  }
  for (size_t i = 0; i < sizeof whole_magics / sizeof *whole_magics; i++) {
    if (memcmp(head, whole_magics[i], strlen(whole_magics[i])) == 0) return 1;
  }
  return is_directory_node(head);
}

/** Writes what is not flushed of the block that begins at this sector. */
static int block_to_medium(uint64_t block) {
  for (uint64_t sector = block; sector < block + BLOCK_SECTORS; sector++) {
    if (unflushed[sector] != NULL && to_medium(sector) != 0) return -EIO;
  }
  return 0;
}

static void forget_all(void) {
  for (uint64_t i = 0; i < unflushed_count; i++) {
    free(unflushed[unflushed_sectors[i]]);
    unflushed[unflushed_sectors[i]] = NULL;
  }
  unflushed_count = 0;
}

static int is_disk(const char *path) { return strcmp(path, "/disk.img") == 0; }
static int is_control(const char *path) { return strcmp(path, "/control") == 0; }

static int vdisk_getattr(const char *path, struct stat *info, struct fuse_file_info *file) {
  (void)file;
  memset(info, 0, sizeof *info);
  info->st_nlink = 1;
  if (strcmp(path, "/") == 0) {
    info->st_mode = S_IFDIR | 0700;
    return 0;
  }
  if (!is_disk(path) && !is_control(path)) return -ENOENT;
  info->st_mode = S_IFREG | 0600;
  info->st_size = is_disk(path) ? (off_t)(sector_count * SECTOR) : COMMAND_MAX;
  return 0;
}

static int vdisk_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                         struct fuse_file_info *file, enum fuse_readdir_flags flags) {
  (void)offset, (void)file, (void)flags;
  if (strcmp(path, "/") != 0) return -ENOENT;
  fill(buffer, "disk.img", NULL, 0, 0);
  fill(buffer, "control", NULL, 0, 0);
  return 0;
}

static int vdisk_open(const char *path, struct fuse_file_info *file) {
  if (!is_disk(path) && !is_control(path)) return -ENOENT;
  if (is_control(path)) file->direct_io = 1;
  return 0;
}

static int vdisk_truncate(const char *path, off_t size, struct fuse_file_info *file) {
  (void)size, (void)file;
  return is_control(path) ? 0 : -EPERM;
}

static int read_control(char *buffer, size_t size, off_t offset) {
  char text[COMMAND_MAX + 1];
  pthread_mutex_lock(&lock);
  int length = snprintf(text, sizeof text, "writes %lu flushes %lu dirty %lu cut %d\n", writes, flushes,
                        unflushed_count, is_cut);
  pthread_mutex_unlock(&lock);
  if (offset >= length) return 0;
  size_t rest = (size_t)(length - offset);
  if (rest < size) size = rest;
  memcpy(buffer, text + offset, size);
  return (int)size;
}

static int vdisk_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *file) {
  (void)file;
  if (is_control(path)) return read_control(buffer, size, offset);
  pthread_mutex_lock(&lock);
  int result = is_cut ? -EIO : (int)pread(backing, buffer, size, offset);
  for (size_t done = 0; result > 0 && done < (size_t)result;) {
    uint64_t at = (uint64_t)offset + done;
    size_t length = SECTOR - at % SECTOR;
    if (length > (size_t)result - done) length = (size_t)result - done;
    const uint8_t *sector = unflushed[at / SECTOR];
    if (sector != NULL) memcpy(buffer + done, sector + at % SECTOR, length);
    done += length;
  }
  pthread_mutex_unlock(&lock);
  return result;
}

/** Before a part of it is written again: its older bytes now and then reach the medium. */
static int age(uint64_t sector) {
  uint64_t block = block_of(sector);
  if (!is_whole(block)) return random_bits() % 8 == 0 ? to_medium(sector) : 0;
  // Once for the block, before its first sector is new.
  return sector == block && random_bits() % 8 == 0 ? block_to_medium(block) : 0;
}

static int write_part(uint64_t at, const char *bytes, size_t length) {
  uint64_t sector = at / SECTOR;
  if (unflushed[sector] == NULL) {
    unflushed[sector] = malloc(SECTOR);
    if (unflushed[sector] == NULL) return -ENOMEM;
    unflushed_sectors[unflushed_count++] = sector;
    if (length < SECTOR && pread(backing, unflushed[sector], SECTOR, (off_t)(sector * SECTOR)) != SECTOR) return -EIO;
  } else if (age(sector) != 0) {
    return -EIO;
  }
  memcpy(unflushed[sector] + at % SECTOR, bytes, length);
  return 0;
}

static int write_disk(const char *bytes, size_t size, uint64_t offset) {
  if (is_cut) return -EIO;
  if (offset + size > sector_count * SECTOR) return -ENOSPC;
  writes++;
  for (size_t done = 0; done < size;) {
    uint64_t at = offset + done;
    size_t length = SECTOR - at % SECTOR;
    if (length > size - done) length = size - done;
    int problem = write_part(at, bytes + done, length);
    if (problem != 0) return problem;
    done += length;
  }
  return (int)size;
}

static void cut(uint64_t seed, uint64_t keep_percent) {
  random_state = seed;
  is_cut = 1;
  for (uint64_t i = 0; i < unflushed_count; i++) {
    uint64_t sector = unflushed_sectors[i], block = block_of(sector);
    // A whole block's lot is drawn from its place, so that it is the same for each of its sectors.
    uint64_t lot = is_whole(block) ? bits_after(bits_after(seed) + block) : random_bits();
    if (lot % 100 < keep_percent) to_medium(sector);
  }
  forget_all();
}

static int command(const char *text) {
  unsigned long a, b;
  if (sscanf(text, "cut %lu %lu", &a, &b) == 2) {
    if (!is_cut) cut(a, b);
  } else if (sscanf(text, "fail-flush %lu %lu", &a, &b) == 2) {
    flushes_to_skip = a;
    flushes_to_fail = b;
  } else if (sscanf(text, "delay-flush %lu", &a) == 1) {
    flush_delay_ms = a;
  } else {
    return -EINVAL;
  }
  return 0;
}

static int vdisk_write(const char *path, const char *bytes, size_t size, off_t offset, struct fuse_file_info *file) {
  (void)file;
  char text[COMMAND_MAX + 1] = {0};
  if (is_control(path) && size > COMMAND_MAX) return -EINVAL;
  if (is_control(path)) memcpy(text, bytes, size);
  pthread_mutex_lock(&lock);
  int result = is_control(path) ? command(text) : write_disk(bytes, size, (uint64_t)offset);
  pthread_mutex_unlock(&lock);
  return result == 0 && is_control(path) ? (int)size : result;
}

static int flush_all(void) {
  if (is_cut) return -EIO;
  flushes++;
  if (flushes_to_skip > 0) {
    flushes_to_skip--;
  } else if (flushes_to_fail > 0) {
    flushes_to_fail--;
    return -EIO;
  }
  for (uint64_t i = 0; i < unflushed_count; i++) {
    if (to_medium(unflushed_sectors[i]) != 0) return -EIO;
  }
  forget_all();
  return 0;
}

static int vdisk_fsync(const char *path, int is_data_only, struct fuse_file_info *file) {
  (void)is_data_only, (void)file;
  if (is_control(path)) return 0;
  struct timespec delay = {(time_t)(flush_delay_ms / 1000), (long)(flush_delay_ms % 1000) * 1000000};
  if (flush_delay_ms > 0) nanosleep(&delay, NULL);
  pthread_mutex_lock(&lock);
  int result = flush_all();
  pthread_mutex_unlock(&lock);
  return result;
}

static const struct fuse_operations operations = {
    .getattr = vdisk_getattr,
    .readdir = vdisk_readdir,
    .open = vdisk_open,
    .truncate = vdisk_truncate,
    .read = vdisk_read,
    .write = vdisk_write,
    .fsync = vdisk_fsync,
};

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: vdisk BACKING-FILE SECTORS MOUNT-POINT [FUSE OPTIONS]\n");
    return 2;
  }
  sector_count = strtoull(argv[2], NULL, 10);
  backing = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  unflushed = calloc(sector_count, sizeof *unflushed);
  unflushed_sectors = calloc(sector_count, sizeof *unflushed_sectors);
  if (backing < 0 || unflushed == NULL || unflushed_sectors == NULL || ftruncate(backing, (off_t)(sector_count * SECTOR)) != 0) {
    perror(argv[1]);
    return 1;
  }
  argv[2] = argv[0];
  return fuse_main(argc - 2, argv + 2, &operations, NULL);
}
