/*
 * The Lua half as it stands in the program: bytecode of each module. The table is made by
 * tools/embed.lua and linked into main; whoever makes a Lua state gets it handed.
 */
#ifndef SCRIPT_EMBEDDED_H
#define SCRIPT_EMBEDDED_H

#include <stddef.h>

struct embedded_module {
    const char *name; /**< as require() knows it; NULL behind the last */
    const char *code;
    size_t size;
};

extern const struct embedded_module embedded_modules[];

#endif
