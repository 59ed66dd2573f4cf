#include "fake_disk.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "testing.h"

/* A change of a file's bytes that was not synced. */
struct edit {
    bool is_cut;
    uint64_t offset; /* of a cut: the new size */
    size_t size;
    char *bytes;
};

struct bytes {
    char *data;
    size_t size;
};

struct name {
    char *text;
    struct node *node;
};

struct names {
    struct name *list;
    size_t count;
};

/* A file or a folder. Lives until the disk is destroyed: a crash may bring its name back. */
struct node {
    bool is_folder;
    struct bytes seen;  /* of a file: what a read gives */
    struct bytes saved; /* what a crash leaves for sure */
    struct edit *edits; /* from saved to seen */
    size_t edit_count;
    struct names seen_names; /* of a folder */
    struct names saved_names;
};

/* A change of names that was not synced: `to` gets the node, `from` loses it; one may be absent. */
struct change {
    struct node *to_folder;
    char *to;
    struct node *from_folder;
    char *from;
    struct node *node;
};

struct fake_disk {
    struct chance chance;
    uint32_t keep_percent;
    uint32_t operations;
    uint32_t fail_after; /* operations until one fails; 0: none does */
    int fail_code;
    int generation;      /* of crashes: older handles are closed */
    struct node **nodes; /* the first is the root */
    size_t node_count;
    struct change *changes;
    size_t change_count;
};

/* --- bytes --- */

static void bytes_resize(struct bytes *b, uint64_t size)
{
    b->data = memory_grow(b->data, size);
    if (size > b->size) {
        memset(b->data + b->size, 0, size - b->size);
    }
    b->size = size;
}

static void bytes_write(struct bytes *b, uint64_t offset, const char *from, size_t size)
{
    if (size == 0) {
        return;
    }
    if (offset + size > b->size) {
        bytes_resize(b, offset + size);
    }
    memcpy(b->data + offset, from, size);
}

static void bytes_edit(struct bytes *b, const struct edit *edit, size_t size)
{
    if (edit->is_cut) {
        bytes_resize(b, edit->offset);
    } else {
        bytes_write(b, edit->offset, edit->bytes, size);
    }
}

static void bytes_copy(struct bytes *to, const struct bytes *from)
{
    bytes_resize(to, from->size);
    if (from->size > 0) {
        memcpy(to->data, from->data, from->size);
    }
}

static void add_edit(struct node *node, const struct edit *edit)
{
    node->edits = memory_grow(node->edits, (node->edit_count + 1) * sizeof *node->edits);
    struct edit *kept = &node->edits[node->edit_count++];
    *kept = *edit;
    kept->bytes = edit->is_cut ? NULL : memory_copy(edit->bytes, edit->size);
    bytes_edit(&node->seen, edit, edit->size);
}

static void forget_edits(struct node *node)
{
    for (size_t i = 0; i < node->edit_count; i++) {
        memory_free(node->edits[i].bytes);
    }
    node->edit_count = 0;
}

/* --- names --- */

static struct name *find_name(const struct names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i].text, text) == 0) {
            return &names->list[i];
        }
    }
    return NULL;
}

static void set_name(struct names *names, const char *text, struct node *node)
{
    struct name *old = find_name(names, text);
    if (old != NULL) {
        old->node = node;
        return;
    }
    names->list = memory_grow(names->list, (names->count + 1) * sizeof *names->list);
    names->list[names->count++] = (struct name){memory_text(text), node};
}

static void drop_name(struct names *names, const char *text, const struct node *node)
{
    struct name *old = find_name(names, text);
    if (old != NULL && old->node == node) {
        memory_free(old->text);
        *old = names->list[--names->count];
    }
}

static void clear_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        memory_free(names->list[i].text);
    }
    names->count = 0;
}

static void copy_names(struct names *to, const struct names *from)
{
    clear_names(to);
    for (size_t i = 0; i < from->count; i++) {
        set_name(to, from->list[i].text, from->list[i].node);
    }
}

/* --- changes of names --- */

static void save_change(const struct change *c)
{
    if (c->from_folder != NULL) {
        drop_name(&c->from_folder->saved_names, c->from, c->node);
    }
    if (c->to_folder != NULL) {
        set_name(&c->to_folder->saved_names, c->to, c->node);
    }
}

static void remove_change(struct fake_disk *f, size_t i)
{
    memory_free(f->changes[i].to);
    memory_free(f->changes[i].from);
    f->change_count--;
    memmove(&f->changes[i], &f->changes[i + 1], (f->change_count - i) * sizeof *f->changes);
}

static void add_change(struct fake_disk *f, const struct change *c)
{
    f->changes = memory_grow(f->changes, (f->change_count + 1) * sizeof *f->changes);
    struct change *kept = &f->changes[f->change_count++];
    *kept = *c;
    kept->to = memory_text(c->to);
    kept->from = memory_text(c->from);
    if (c->from_folder != NULL) {
        drop_name(&c->from_folder->seen_names, c->from, c->node);
    }
    if (c->to_folder != NULL) {
        set_name(&c->to_folder->seen_names, c->to, c->node);
    }
}

/* Save what concerns a folder. @return false when the change stays, as a removal elsewhere */
static bool save_in_folder(struct change *c, const struct node *folder)
{
    if (c->to_folder == folder && c->from_folder != NULL && c->from_folder != folder) {
        set_name(&c->to_folder->saved_names, c->to, c->node);
        c->to_folder = NULL;
        return false;
    }
    save_change(c); /* with the old name goes the new one, or the file would be lost */
    return true;
}

/* --- nodes and paths --- */

static struct node *add_node(struct fake_disk *f, bool is_folder)
{
    f->nodes = memory_grow(f->nodes, (f->node_count + 1) * sizeof *f->nodes);
    struct node *node = memory_zero(1, sizeof *node);
    node->is_folder = is_folder;
    f->nodes[f->node_count++] = node;
    return node;
}

/* Where a path leads: its folder (NULL when there is none), its last name, what is there. */
struct place {
    struct node *folder;
    char *name; /* owned; "" for the root */
    struct node *node;
};

/* The next part of a path that is neither empty nor "."; false at the end. */
static bool next_part(const char **at, char **part)
{
    for (;;) {
        *at += strspn(*at, "/");
        size_t size = strcspn(*at, "/");
        if (size == 0) {
            return false;
        }
        const char *start = *at;
        *at += size;
        if (size > 1 || *start != '.') {
            *part = memory_copy(start, size);
            check(strcmp(*part, "..") != 0);
            return true;
        }
    }
}

static struct place find_place(const struct fake_disk *f, const char *path)
{
    struct node *root = path[0] == '\0' ? NULL : f->nodes[0];
    struct place p = {.folder = root, .name = memory_text(""), .node = root};
    char *part = NULL;
    while (next_part(&path, &part)) {
        memory_free(p.name);
        p.name = part;
        p.folder = p.node != NULL && p.node->is_folder ? p.node : NULL;
        struct name *found = p.folder == NULL ? NULL : find_name(&p.folder->seen_names, part);
        p.node = found == NULL ? NULL : found->node;
    }
    return p;
}

static struct node *find_node(const struct fake_disk *f, const char *path)
{
    struct place p = find_place(f, path);
    memory_free(p.name);
    return p.node;
}

/* --- failing --- */

/* @return 0, or the code with which this operation fails */
static int count_operation(struct fake_disk *f, bool is_sync, struct error *e)
{
    f->operations++;
    if (f->fail_after == 0 || (f->fail_code == MILL_ESYNC && !is_sync)) {
        return 0;
    }
    f->fail_after--;
    if (f->fail_after > 0) {
        return 0;
    }
    return error_set(e, is_sync ? MILL_ESYNC : f->fail_code, "the fake disk was told to fail");
}

/* Bytes of an edit that reached the disk. */
static bool outlasts(struct fake_disk *f, size_t *size)
{
    if (chance_below(&f->chance, 100) >= f->keep_percent) {
        return false;
    }
    if (f->keep_percent < 100 && *size > 0 && chance_below(&f->chance, 4) == 0) {
        *size = chance_below(&f->chance, (uint32_t)*size + 1);
    }
    return true;
}

/* --- the operations --- */

/* A descriptor tells of which generation it is, and for what it was opened. */
static int descriptor(const struct fake_disk *f, enum disk_open_mode mode)
{
    return f->generation * (DISK_READ + 1) + (int)mode;
}

static bool is_for(const struct disk_file *file, enum disk_open_mode mode)
{
    return file->fd % (DISK_READ + 1) == (int)mode;
}

static struct node *node_of(const struct fake_disk *f, const struct disk_file *file)
{
    check(file->fd >= 0);                               /* else it is closed */
    check(file->fd / (DISK_READ + 1) == f->generation); /* else it is from before a crash */
    return file->fake;
}

static int fake_open(void *c, const char *path, enum disk_open_mode mode, struct disk_file *file,
                     struct error *e)
{
    struct fake_disk *f = c;
    *file = (struct disk_file){.fd = -1};
    int rc = count_operation(f, false, e);
    if (rc != 0) {
        return rc;
    }
    struct place p = find_place(f, path);
    if (p.node == NULL && p.folder != NULL && mode == DISK_CREATE) {
        p.node = add_node(f, false);
        add_change(f, &(struct change){.to_folder = p.folder, .to = p.name, .node = p.node});
    } else if (p.node != NULL && !p.node->is_folder && mode == DISK_CREATE) {
        add_edit(p.node, &(struct edit){.is_cut = true});
    }
    memory_free(p.name);
    if (p.node == NULL || p.node->is_folder) {
        return error_set_system(e, p.node == NULL ? ENOENT : EISDIR, "cannot open %s", path);
    }
    *file = (struct disk_file){.fd = descriptor(f, mode), .fake = p.node};
    return 0;
}

static int fake_write(void *c, struct disk_file *file, const struct disk_write *w, struct error *e)
{
    struct fake_disk *f = c;
    struct node *node = node_of(f, file);
    check(!is_for(file, DISK_READ));
    int rc = count_operation(f, false, e);
    size_t size = rc == 0 ? w->size : chance_below(&f->chance, (uint32_t)w->size + 1);
    struct edit edit = {.offset = w->offset, .size = size};
    edit.bytes = memory_copy(w->bytes, size);
    add_edit(node, &edit);
    memory_free(edit.bytes);
    return rc;
}

static int fake_read_at(void *c, struct disk_file *file, struct disk_read *r, struct error *e)
{
    struct fake_disk *f = c;
    const struct node *node = node_of(f, file);
    check(!is_for(file, DISK_CREATE));
    int rc = count_operation(f, false, e);
    size_t left = r->offset < node->seen.size ? node->seen.size - (size_t)r->offset : 0;
    r->size = rc != 0 ? 0 : r->size < left ? r->size : left;
    if (r->size > 0) {
        memcpy(r->into, node->seen.data + r->offset, r->size);
    }
    return rc;
}

static int fake_truncate(void *c, struct disk_file *file, uint64_t size, struct error *e)
{
    struct fake_disk *f = c;
    struct node *node = node_of(f, file);
    int rc = count_operation(f, false, e);
    if (rc == 0) {
        add_edit(node, &(struct edit){.is_cut = true, .offset = size});
    }
    return rc;
}

static int fake_sync(void *c, struct disk_file *file, struct error *e)
{
    struct fake_disk *f = c;
    struct node *node = node_of(f, file);
    int rc = count_operation(f, true, e);
    for (size_t i = 0; i < node->edit_count; i++) {
        size_t size = node->edits[i].size;
        if (rc == 0 || outlasts(f, &size)) {
            bytes_edit(&node->saved, &node->edits[i], size);
        }
    }
    forget_edits(node);
    return rc;
}

static void fake_close(void *c, struct disk_file *file)
{
    (void)c;
    file->fd = -1;
}

static int fake_read(void *c, const char *path, struct buffer *into, struct error *e)
{
    struct fake_disk *f = c;
    int rc = count_operation(f, false, e);
    if (rc != 0) {
        return rc;
    }
    const struct node *node = find_node(f, path);
    if (node == NULL || node->is_folder) {
        return error_set_system(e, node == NULL ? ENOENT : EISDIR, "cannot read %s", path);
    }
    rc = buffer_append(into, node->seen.data, node->seen.size);
    return rc == 0 ? 0 : error_set(e, rc, "%s is larger than %zu bytes", path, into->max);
}

static int rename_place(struct fake_disk *f, const struct place *from, const struct place *to)
{
    if (from->node == NULL || to->folder == NULL) {
        return ENOENT;
    }
    if (to->node == from->node) {
        return 0;
    }
    if (to->node != NULL && to->node->is_folder) {
        return EISDIR;
    }
    add_change(f, &(struct change){.to_folder = to->folder,
                                   .to = to->name,
                                   .from_folder = from->folder,
                                   .from = from->name,
                                   .node = from->node});
    return 0;
}

/* @return 0, or an errno */
static int rename_path(struct fake_disk *f, const char *from, const char *to, bool may_replace)
{
    struct place source = find_place(f, from);
    struct place target = find_place(f, to);
    bool is_taken = !may_replace && source.node != NULL && target.node != NULL;
    int why = is_taken ? EEXIST : rename_place(f, &source, &target);
    memory_free(source.name);
    memory_free(target.name);
    return why;
}

static int fake_rename(void *c, const char *from, const char *to, struct error *e)
{
    int rc = count_operation(c, false, e);
    if (rc != 0) {
        return rc;
    }
    int why = rename_path(c, from, to, true);
    return why == 0 ? 0 : error_set_system(e, why, "cannot rename %s", from);
}

static int fake_rename_new(void *c, const char *from, const char *to, struct error *e)
{
    int rc = count_operation(c, false, e);
    if (rc != 0) {
        return rc;
    }
    int why = rename_path(c, from, to, false);
    return why == 0 ? 0 : why == EEXIST ? 1 : error_set_system(e, why, "cannot rename %s", from);
}

/* Remove the name of a file, or of an empty folder. @return 0, or an errno */
static int remove_name(struct fake_disk *f, const char *path, bool is_folder)
{
    struct place p = find_place(f, path);
    int why = 0;
    if (p.node != NULL && p.node->is_folder != is_folder) {
        why = is_folder ? ENOTDIR : EISDIR;
    } else if (p.node != NULL && p.node->seen_names.count > 0) {
        why = ENOTEMPTY;
    } else if (p.node != NULL) {
        add_change(f, &(struct change){.from_folder = p.folder, .from = p.name, .node = p.node});
    }
    memory_free(p.name);
    return why;
}

static int fake_remove(void *c, const char *path, struct error *e)
{
    int rc = count_operation(c, false, e);
    int why = rc == 0 ? remove_name(c, path, false) : 0;
    return why == 0 ? rc : error_set_system(e, why, "cannot remove %s", path);
}

static int fake_remove_folder(void *c, const char *path, struct error *e)
{
    int rc = count_operation(c, false, e);
    int why = rc == 0 ? remove_name(c, path, true) : 0;
    return why == 0 ? rc : error_set_system(e, why, "cannot remove the folder %s", path);
}

static int fake_make_folder(void *c, const char *path, struct error *e)
{
    struct fake_disk *f = c;
    int rc = count_operation(f, false, e);
    if (rc == 0 && path[0] == '\0') {
        rc = error_set_system(e, ENOENT, "cannot make the folder %s", path);
    }
    struct node *folder = f->nodes[0];
    const char *at = path;
    char *part = NULL;
    while (rc == 0 && next_part(&at, &part)) {
        struct name *found = find_name(&folder->seen_names, part);
        struct node *node = found == NULL ? add_node(f, true) : found->node;
        if (found == NULL) {
            add_change(f, &(struct change){.to_folder = folder, .to = part, .node = node});
        } else if (!node->is_folder) {
            rc = error_set_system(e, ENOTDIR, "cannot make the folder %s", path);
        }
        memory_free(part);
        folder = node;
    }
    return rc;
}

static int fake_sync_folder(void *c, const char *path, struct error *e)
{
    struct fake_disk *f = c;
    int rc = count_operation(f, true, e);
    const struct node *folder = find_node(f, path);
    if (folder == NULL || !folder->is_folder) {
        return error_set_system(e, folder == NULL ? ENOENT : ENOTDIR, "cannot sync %s", path);
    }
    for (size_t i = 0; i < f->change_count;) {
        struct change *change = &f->changes[i];
        bool concerns = change->to_folder == folder || change->from_folder == folder;
        bool is_done = concerns;
        size_t size = 0;
        if (concerns && (rc == 0 || outlasts(f, &size))) {
            is_done = save_in_folder(change, folder);
        }
        if (is_done) {
            remove_change(f, i);
        } else {
            i++;
        }
    }
    return rc;
}

/* In no order; fn may change the folder. */
static int fake_list(void *c, const char *path, disk_list_fn fn, void *fn_context, struct error *e)
{
    struct fake_disk *f = c;
    int rc = count_operation(f, false, e);
    const struct node *folder = find_node(f, path);
    if (rc == 0 && (folder == NULL || !folder->is_folder)) {
        return error_set_system(e, folder == NULL ? ENOENT : ENOTDIR, "cannot list %s", path);
    }
    if (rc != 0 || folder->seen_names.count == 0) {
        return rc;
    }
    struct names copy = {0};
    copy_names(&copy, &folder->seen_names);
    size_t first = chance_below(&f->chance, (uint32_t)copy.count);
    for (size_t i = 0; i < copy.count && rc == 0; i++) {
        rc = fn(fn_context, copy.list[(first + i) % copy.count].text);
    }
    clear_names(&copy);
    memory_free(copy.list);
    return rc;
}

static int fake_look(void *c, const char *path, struct disk_entry *entry, struct error *e)
{
    *entry = (struct disk_entry){0};
    int rc = count_operation(c, false, e);
    const struct node *node = rc == 0 ? find_node(c, path) : NULL;
    if (node != NULL) {
        *entry = (struct disk_entry){.exists = true,
                                     .is_folder = node->is_folder,
                                     .size = node->seen.size,
                                     .device = 1,
                                     .inode = (uint64_t)(uintptr_t)node};
    }
    return rc;
}

static const struct disk_ops fake_ops = {
    .open = fake_open,
    .write = fake_write,
    .read_at = fake_read_at,
    .truncate = fake_truncate,
    .sync = fake_sync,
    .close = fake_close,
    .read = fake_read,
    .rename = fake_rename,
    .rename_new = fake_rename_new,
    .remove = fake_remove,
    .make_folder = fake_make_folder,
    .remove_folder = fake_remove_folder,
    .sync_folder = fake_sync_folder,
    .list = fake_list,
    .look = fake_look,
};

/* --- for the tests --- */

struct fake_disk *fake_disk_create(uint64_t seed)
{
    struct fake_disk *f = memory_zero(1, sizeof *f);
    f->chance.state = seed;
    f->keep_percent = 50;
    add_node(f, true);
    return f;
}

static void destroy_node(struct node *node)
{
    forget_edits(node);
    clear_names(&node->seen_names);
    clear_names(&node->saved_names);
    memory_free(node->edits);
    memory_free(node->seen.data);
    memory_free(node->saved.data);
    memory_free(node->seen_names.list);
    memory_free(node->saved_names.list);
    memory_free(node);
}

void fake_disk_destroy(struct fake_disk *f)
{
    while (f->change_count > 0) {
        remove_change(f, f->change_count - 1);
    }
    for (size_t i = 0; i < f->node_count; i++) {
        destroy_node(f->nodes[i]);
    }
    memory_free(f->changes);
    memory_free(f->nodes);
    memory_free(f);
}

struct disk fake_disk_of(struct fake_disk *f)
{
    return (struct disk){.ops = &fake_ops, .context = f};
}

static void crash_node(struct fake_disk *f, struct node *node)
{
    for (size_t i = 0; i < node->edit_count; i++) {
        size_t size = node->edits[i].size;
        if (outlasts(f, &size)) {
            bytes_edit(&node->saved, &node->edits[i], size);
        }
    }
    forget_edits(node);
    bytes_copy(&node->seen, &node->saved);
    copy_names(&node->seen_names, &node->saved_names);
}

void fake_disk_crash(struct fake_disk *f)
{
    f->generation++;
    while (f->change_count > 0) {
        size_t size = 0;
        if (outlasts(f, &size)) {
            save_change(&f->changes[0]);
        }
        remove_change(f, 0);
    }
    for (size_t i = 0; i < f->node_count; i++) {
        crash_node(f, f->nodes[i]);
    }
}

void fake_disk_keep(struct fake_disk *f, uint32_t percent)
{
    f->keep_percent = percent;
}

void fake_disk_fail(struct fake_disk *f, uint32_t n, int code)
{
    f->fail_after = n;
    f->fail_code = code;
}

uint32_t fake_disk_operations(const struct fake_disk *f)
{
    return f->operations;
}
