/* Goal: a stream of msgpack of any bytes is read to its end, or to where it cannot be told apart.
 */
#include "data/msgpack_decoder.h"
#include "fuzz/fuzz.h"
#include "fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_decoder(msgpack_decoder_create(), data, size);
    return 0;
}
