#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "tidemill: %s:%d: broken invariant: %s\n", file, line, condition);
    abort();
}
