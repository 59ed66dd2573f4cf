/*
 * A disk in memory that keeps what was synced apart from what was not, so that a test can lose
 * power, and that fails when it is told to.
 *
 *     what the program sees      after a crash
 *     file: its bytes            the bytes as last synced, and any subset of the edits since
 *                                (writes, cuts), the last of them perhaps in part
 *     folder: its names          the names as last synced, and any subset of the changes since
 *                                (new names, renames, removals)
 *
 * The strictest reading of base/disk.h: syncing a file does not save its name, syncing a folder
 * does not save its files' bytes, a folder is a name in its parent like any other. One mercy, as
 * every file system has it: a rename never loses the file. Between two folders the old name may
 * come back until its folder is synced too.
 *
 * A sync that fails may have saved anything, and what it did not save, no later sync saves.
 * All chance comes from the seed. Paths: relative or absolute, without "..". One thread.
 */
#ifndef TESTS_ENGINE_FAKE_DISK_H
#define TESTS_ENGINE_FAKE_DISK_H

#include <stdint.h>

#include "base/disk.h"

struct fake_disk;

/** An empty disk with a root folder. @owns the caller, until fake_disk_destroy */
struct fake_disk *fake_disk_create(uint64_t seed);
void fake_disk_destroy(struct fake_disk *f);

/** The disk to hand to the engine; borrows f. */
struct disk fake_disk_of(struct fake_disk *f);

/** Lose power: what was not synced is kept or dropped by chance. Open files are closed. */
void fake_disk_crash(struct fake_disk *f);

/** How many of 100 unsynced changes outlast a crash; 50 at first. 0 drops and 100 keeps all. */
void fake_disk_keep(struct fake_disk *f, uint32_t percent);

/**
 * Let the n-th operation from now on fail; the others succeed. A write that fails may have written
 * its first bytes. A sync always fails as MILL_ESYNC.
 * @param n     1: the next one; 0: none
 * @param code  MILL_EIO, MILL_ENOSPC; MILL_ESYNC counts syncs only
 */
void fake_disk_fail(struct fake_disk *f, uint32_t n, int code);

/** Operations so far; closing a file is none. */
uint32_t fake_disk_operations(const struct fake_disk *f);

#endif
