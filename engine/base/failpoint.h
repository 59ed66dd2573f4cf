/*
 * Failpoints: named places where a test build can be killed, fail or wait.
 *
 *     TIDEMILL_FAILPOINT=commit_before_write:kill@3     the third time that it is reached
 *                        name:eio@1 | enospc@1 | delay@1   (delay: 200 ms, at that hit)
 *                        name:eio@1+                      that hit and all later ones
 *
 * Several are joined by commas. In a build without TIDEMILL_FAILPOINTS each is the constant 0.
 * `tidemill failpoints` of a test build lists them, and the crash tests prove each reached
 * through TIDEMILL_FAILPOINT_LOG=FILE, to which every name is appended when first hit.
 *
 * The list is sorted; a place in the code and a line here make one.
 */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

#define FAILPOINTS(X)                                                                              \
    X(commit_after_write)                                                                          \
    X(commit_before_write)                                                                         \
    X(commit_write)                                                                                \
    X(epochs_after_sync)                                                                           \
    X(epochs_before_write)                                                                         \
    X(file_output_after_rename)                                                                    \
    X(file_output_after_sync)                                                                      \
    X(file_output_before_rename)                                                                   \
    X(file_output_before_sync)                                                                     \
    X(file_output_write)                                                                           \
    X(fresh_after_marker)                                                                          \
    X(fresh_after_outputs)                                                                         \
    X(fresh_after_store)                                                                           \
    X(fresh_before_unmark)                                                                         \
    X(give_up_after_write)                                                                         \
    X(give_up_before_write)                                                                        \
    X(marker_after_sync)                                                                           \
    X(open_after_redo)                                                                             \
    X(open_after_sweep)                                                                            \
    X(open_before_redo)                                                                            \
    X(outbox_after_sync)                                                                           \
    X(outbox_before_sync)                                                                          \
    X(outbox_write)                                                                                \
    X(publish_after)                                                                               \
    X(publish_before)                                                                              \
    X(received_after_cut)                                                                          \
    X(received_after_remove)                                                                       \
    X(received_after_roll)                                                                         \
    X(received_after_sync)                                                                         \
    X(received_before_sync)                                                                        \
    X(received_write)                                                                              \
    X(redo_after_apply)                                                                            \
    X(redo_after_delete)                                                                           \
    X(redo_after_part)                                                                             \
    X(redo_before_apply)                                                                           \
    X(roll_after_close)                                                                            \
    X(roll_after_truncate)                                                                         \
    X(spill_write)                                                                                 \
    X(stop_before_marks)                                                                           \
    X(store_after_create)                                                                          \
    X(store_before_create)

#define FAILPOINT_AS_ENUM(name) FAILPOINT_##name,
enum failpoint { FAILPOINTS(FAILPOINT_AS_ENUM) FAILPOINT_COUNT };
#undef FAILPOINT_AS_ENUM

#ifdef TIDEMILL_FAILPOINTS
/** @return 0, or the errno that the test asked for at this hit. Does not return from a kill. */
int failpoint_hit(enum failpoint point);
#define FAILPOINT(name) failpoint_hit(FAILPOINT_##name)
#else
#define FAILPOINT(name) 0
#endif

/** Turn what FAILPOINT gave into an error. @return 0, or the code */
struct error;
int failpoint_result(int system_errno, const char *where, struct error *e);
#define FAILPOINT_RESULT(name, e) failpoint_result(FAILPOINT(name), #name, e)

/** The name; NULL beyond the last. */
const char *failpoint_name(int index);

/** Read TIDEMILL_FAILPOINT. @return 0, or MILL_EINVAL with the part that is not understood. */
int failpoint_configure(const char *text, struct error *e);

#endif
