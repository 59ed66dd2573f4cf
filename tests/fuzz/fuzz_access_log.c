/* Goal: lines of any bytes are of an access log, or say where they stop being one. */
#include "data/pattern_decoder.h"
#include "fuzz/fuzz.h"
#include "fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_decoder(access_log_decoder_create(), data, size);
    return 0;
}
