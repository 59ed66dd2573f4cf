/*
 * Runs the inputs of a folder, or single files: fuzz_NAME PATH...
 * Prints each name before it runs, so that the last one is the one that ended the process.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/disk.h"
#include "base/memory.h"
#include "base/text.h"
#include "fuzz/fuzz.h"

static int run_file(const char *path)
{
    struct disk disk = disk_real();
    struct error e = {0};
    struct buffer b;
    buffer_init(&b, (size_t)1 << 24);
    int rc = disk_read(&disk, path, &b, &e);
    if (rc != 0) {
        printf("not ok %s\n", e.message);
    } else {
        /* In memory of its size, so that a read behind its end is seen. */
        uint8_t *exact = memory_alloc(b.size);
        if (b.size > 0) {
            memcpy(exact, b.data, b.size);
        }
        printf("%s\n", path);
        fflush(stdout);
        check(LLVMFuzzerTestOneInput(exact, b.size) == 0);
        memory_free(exact);
    }
    buffer_deinit(&b);
    return rc;
}

static int is_visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* In order of names. @return inputs that ran, -1 when one could not be read */
static int run_folder(const char *folder)
{
    struct dirent **list = NULL;
    int count = scandir(folder, &list, is_visible, alphasort);
    int rc = count < 0 ? -1 : 0;
    for (int i = 0; i < count; i++) {
        char *path = text_path(folder, list[i]->d_name);
        rc = run_file(path) == 0 ? rc : -1;
        memory_free(path);
        free(list[i]);
    }
    free(list);
    return rc == 0 ? count : -1;
}

int main(int argument_count, char **arguments)
{
    int total = 0;
    for (int i = 1; i < argument_count; i++) {
        struct disk disk = disk_real();
        struct disk_entry entry;
        bool is_folder = disk_look(&disk, arguments[i], &entry, NULL) == 0 && entry.is_folder;
        int count = is_folder ? run_folder(arguments[i]) : run_file(arguments[i]) == 0 ? 1 : -1;
        if (count < 0) {
            return 1;
        }
        total += count;
    }
    printf("%d inputs\n", total);
    return 0;
}
