/*
 * What print() shows of a batch, as Spark does:
 *
 *     -------------------------------------------
 *     Time: 1700000000000 ms
 *     -------------------------------------------
 *     (a,2)
 *     (b,1)
 *     ...
 *     <an empty line>
 */
#ifndef IO_PRINT_H
#define IO_PRINT_H

#include <stdint.h>

#include "base/error.h"
#include "flow/rows.h"

/**
 * Render a batch. Rows with keys are sorted by them; others come in order.
 * @param rows   framing ROWS_KEYED
 * @param count  rows shown; "..." follows when there are more
 * @param into   gets the lines (framing ROWS_LINES)
 */
int print_render(struct rows_reader *rows, uint32_t count, int64_t time_ms, struct mill_rows *into,
                 struct error *e);

/** Add all rows to `into`: those with keys sorted by them, the others in order. The same order as
 * print_render, for tests of jobs. */
int print_all(struct rows_reader *rows, struct mill_rows *into, struct error *e);

#endif
