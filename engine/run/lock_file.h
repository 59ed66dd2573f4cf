/*
 * LOCK of a data directory: one engine at a time, and who it is.
 *
 * Two locks on one file, both gone with the process: flock() keeps a second engine out, also one of
 * the same process; the fcntl() lock tells others the process that holds it, which a number in a
 * file cannot: that may have been given to another process since.
 */
#ifndef RUN_LOCK_FILE_H
#define RUN_LOCK_FILE_H

#include <sys/types.h>

#include "base/error.h"

/** Take the lock, and write the process id into the file, for people.
 *  @param folder  the data directory, which is there
 *  @param fd  out: closing it gives the lock back. @return 0; MILL_EREFUSED: it is taken; MILL_EIO
 */
int lock_file_take(const char *folder, int *fd, struct error *e);

/** Who holds the lock. @param pid  out: 0 when nobody does
 *  @return 0; MILL_ENOENT: there is no lock; MILL_EREFUSED: somebody who cannot be seen from here
 *          (another container, another machine); MILL_EIO */
int lock_file_holder(const char *folder, pid_t *pid, struct error *e);

#endif
