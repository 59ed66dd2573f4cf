#include "state/store_status.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

int store_status_of(const char *text)
{
    if (has(text, "No space left on device")) {
        return MILL_ENOSPC;
    }
    return text_starts_with(text, "Corruption") ? MILL_ECORRUPT : MILL_EIO;
}

int store_status_of_write(const char *text)
{
    int code = store_status_of(text);
    bool in_sync = has(text, "While fdatasync") || has(text, "While fsync");
    return code == MILL_EIO || (code == MILL_ENOSPC && in_sync) ? MILL_ESYNC : code;
}

int store_status_of_open(const char *text)
{
    if (has(text, "lock hold by current process") || has(text, "While lock file")) {
        return MILL_EREFUSED;
    }
    return store_status_of(text);
}

const char *store_status_advice(int code)
{
    switch (code) {
    case MILL_ENOSPC:
        return "the disk is full; make room and start again, what was committed is kept";
    case MILL_EREFUSED:
        return "it is open in another process; stop that one first";
    case MILL_ECORRUPT:
        return "it is damaged; restore the data directory from a backup, or start over with "
               "--fresh";
    case MILL_ESYNC:
        return "the disk failed to keep a commit; look at the disk, then start again: it goes on "
               "behind the last commit that the disk has";
    default:
        return "cannot read or write it; look at the disk and at the folder's permissions";
    }
}
