/* Goal: the walk over a line of JSON judges it as another reading of its structure does, whatever
 * stands behind it, and finds what the reader of single documents finds; the line before, by whose
 * keys it guesses, makes no difference, and neither does the text that a line stands in.
 * Input: lines, of which two are judged. The names that are wanted are those of the corpus. */
#include <string.h>

#include "base/check.h"
#include "fuzz/fuzz.h"
#include "json_shape.h"

static const struct slice names[] = {{"a", 1}, {"b", 1}, {"name", 4}, {"\xc3\xa9", 2}, {"", 0}};
enum { NAMES = sizeof names / sizeof *names };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size == 0 ? NULL : memchr(text, '\n', size);
    size_t first = end == NULL ? size : (size_t)(end - text);
    size_t second = end == NULL ? 0 : size - first - 1;
    struct json_walk *walk = json_walk_create();
    json_walk_want(walk, names, NAMES);
    check(json_walk_differs(walk, names, NAMES, text, first) == NULL);
    check(second == 0 || json_walk_differs(walk, names, NAMES, end + 1, second) == NULL);
    check(json_walk_differs(walk, names, NAMES, text, first) == NULL);
    struct json_walk *together = json_walk_create();
    json_walk_want(together, names, NAMES);
    check(json_walk_text_differs(together, walk, NAMES, text, size) == NULL);
    json_walk_destroy(together);
    json_walk_destroy(walk);
    return 0;
}
