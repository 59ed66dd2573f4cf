/*
 * The FFI header for C: base/tidemill_ffi.h itself has no includes and no macros, because
 * LuaJIT reads it too. Its functions are the program's only exported symbols.
 */
#ifndef BASE_FFI_H
#define BASE_FFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#include "base/tidemill_ffi.h"
#pragma GCC visibility pop

/* Bits of mill_group.changed: to be written when any is set. */
#define GROUP_CHANGED 1u
#define GROUP_INITIAL 2u

#endif
