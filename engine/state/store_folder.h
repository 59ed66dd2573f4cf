/*
 * A RocksDB's folder before it is opened. RocksDB itself leaves files behind where it was to open
 * what is not there; and where the file CURRENT is missing, it takes the folder for empty and
 * removes the data in it.
 */
#ifndef STATE_STORE_FOLDER_H
#define STATE_STORE_FOLDER_H

#include <stdbool.h>

#include "base/error.h"

/**
 * See that there is a database, or that there can be one.
 * @param create  true: make the folder, and those above it, when there is none
 * @return 0; MILL_ENOENT when there is none and create is false (nothing was made); MILL_ECORRUPT
 * when there is data without its CURRENT; MILL_EIO; MILL_ENOSPC; MILL_ESYNC
 */
int store_folder_prepare(const char *path, bool create, struct error *e);

#endif
