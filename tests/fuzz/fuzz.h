/*
 * What a fuzzed function is: libFuzzer brings its own main, replay.c another that runs the corpus.
 * A property that does not hold ends the process by check().
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
