/*
 * Renaming a file to a name that must be free. Linux does it in one step where the file system can.
 * Where it cannot (NFS, some FUSE) a link does the same in two: the new name, then the old one
 * goes; a kill between them leaves both, to one file. Where there are no links either (FAT, exFAT)
 * a look before is all that can be done: it sees every file but one that is made at that very
 * moment.
 *
 * @return 0, or an errno; EEXIST: `to` is there, and nothing was done
 */
#ifndef BASE_RENAME_NEW_H
#define BASE_RENAME_NEW_H

int rename_new(const char *from, const char *to);

/** The steps that it falls back to; ENOSYS: this file system cannot do the first. */
int rename_new_by_link(const char *from, const char *to);
int rename_new_by_look(const char *from, const char *to);

#endif
