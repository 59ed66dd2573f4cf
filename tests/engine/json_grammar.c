#include "json_grammar.h"

#include <string.h>

struct text {
    const char *at;
    const char *end;
};

static bool take(struct text *t, char c)
{
    bool is_there = t->at < t->end && *t->at == c;
    t->at += is_there;
    return is_there;
}

static bool take_word(struct text *t, const char *word)
{
    size_t size = strlen(word);
    bool is_there = (size_t)(t->end - t->at) >= size && memcmp(t->at, word, size) == 0;
    t->at += is_there ? size : 0;
    return is_there;
}

static bool take_digits(struct text *t)
{
    const char *start = t->at;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9') {
        t->at++;
    }
    return t->at > start;
}

static bool take_number(struct text *t)
{
    take(t, '-');
    if (!take(t, '0') && !take_digits(t)) {
        return false;
    }
    if (take(t, '.') && !take_digits(t)) {
        return false;
    }
    if (take(t, 'e') || take(t, 'E')) {
        bool has_sign = take(t, '+') || take(t, '-');
        (void)has_sign;
        return take_digits(t);
    }
    return true;
}

static bool take_escape(struct text *t)
{
    if (t->at == t->end) {
        return false;
    }
    char c = *t->at++;
    if (c != 'u') {
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    }
    for (int i = 0; i < 4; i++, t->at++) {
        if (t->at == t->end || *t->at == '\0' || strchr("0123456789abcdefABCDEF", *t->at) == NULL) {
            return false;
        }
    }
    return true;
}

static bool take_string(struct text *t)
{
    if (!take(t, '"')) {
        return false;
    }
    while (t->at < t->end) {
        char c = *t->at++;
        if (c == '"') {
            return true;
        }
        if ((unsigned char)c < 0x20 || (c == '\\' && !take_escape(t))) {
            return false;
        }
    }
    return false;
}

static bool take_value(struct text *t);

static bool take_list(struct text *t, char close, bool has_names)
{
    if (take(t, close)) {
        return true;
    }
    do {
        if (has_names && !(take_string(t) && take(t, ':'))) {
            return false;
        }
        if (!take_value(t)) {
            return false;
        }
    } while (take(t, ','));
    return take(t, close);
}

static bool take_value(struct text *t)
{
    if (take(t, '[')) {
        return take_list(t, ']', false);
    }
    if (take(t, '{')) {
        return take_list(t, '}', true);
    }
    if (t->at < t->end && *t->at == '"') {
        return take_string(t);
    }
    return take_word(t, "true") || take_word(t, "false") || take_word(t, "null") || take_number(t);
}

bool is_json(const char *text, size_t size)
{
    struct text t = {text, text + size};
    return take_value(&t) && t.at == t.end;
}
