/* Goal: one process has the lock, the others learn which it is, and never one that had it before.
 * Method: processes that take it and go. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "lock_holder.h"
#include "testing.h"

static char *folder;

static int begin(void **state)
{
    (void)state;
    folder = folder_create();
    return 0;
}

static int end(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static void finish(pid_t child)
{
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void the_holder_is_known_and_keeps_others_out(void **state)
{
    (void)state;
    struct error e = {0};
    pid_t holder = -1;
    int fd = -1;
    pid_t child = lock_holder_begin(folder, SIG_DFL);
    assert_int_equal(lock_file_holder(folder, &holder, &e), 0);
    assert_int_equal(holder, child);
    assert_int_equal(lock_file_take(folder, &fd, &e), MILL_EREFUSED);
    char number[32];
    snprintf(number, sizeof number, "(process %ld)", (long)child);
    assert_non_null(strstr(e.message, number));
    close(fd);
    finish(child);
}

static void one_that_is_gone_holds_nothing(void **state)
{
    (void)state;
    pid_t holder = -1;
    int fd = -1;
    finish(lock_holder_begin(folder, SIG_DFL));
    assert_int_equal(lock_file_holder(folder, &holder, NULL), 0);
    assert_int_equal(holder, 0);
    assert_int_equal(lock_file_take(folder, &fd, NULL), 0);
    close(fd);
}

/* What stands in the file is for people only. */
static void a_number_in_the_file_is_not_a_holder(void **state)
{
    (void)state;
    char *path = text_path(folder, "LOCK");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f, "%ld\n", (long)getpid());
    fclose(f);
    pid_t holder = -1;
    assert_int_equal(lock_file_holder(folder, &holder, NULL), 0);
    assert_int_equal(holder, 0);
    memory_free(path);
}

static void no_file_is_no_holder(void **state)
{
    (void)state;
    pid_t holder = -1;
    assert_int_equal(lock_file_holder(folder, &holder, NULL), MILL_ENOENT);
    assert_int_equal(lock_file_holder("/no/such", &holder, NULL), MILL_ENOENT);
    assert_int_equal(holder, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_holder_is_known_and_keeps_others_out),
        TEST(one_that_is_gone_holds_nothing),
        TEST(a_number_in_the_file_is_not_a_holder),
        TEST(no_file_is_no_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
