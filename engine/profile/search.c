/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * search.c - the folders in which profiles are looked for, and the files that names stand for
 *
 * A name is tried as a path in each folder, so that finding one among ten thousand reads no
 * folder. Only an error does, for the name that was meant.
 */
#include "profile/search.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "profile/near.h"

#define SUFFIX	   ".yaml"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)
#define NAMES_MAX  ((size_t)1000000)

/* ---- folders ---- */

static bool add_folder(struct search *s, const char *folder)
{
	char *copy = arena_text(&s->arena, span_of(folder));

	if (!copy)
		return false;
	s->folders[s->folder_count++] = copy;
	return true;
}

/* The profiles that belong to this program: of the source tree while it was not installed. */
static const char *own_folder(void)
{
	static const char build[] = VOLLEY_BUILD_DIR "/";
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (len > (ssize_t)sizeof(build) && memcmp(program, build, sizeof(build) - 1) == 0)
		return VOLLEY_SOURCE_DIR "/profiles";
	return VOLLEY_DATA_DIR "/profiles";
}

int search_init(struct search *s, const char *const *folders, int folder_count)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char folder[PATH_MAX] = "";

	*s = (struct search){0};
	for (int i = 0; i < folder_count && i < PROFILE_FOLDERS_MAX; i++)
		if (!add_folder(s, folders[i]))
			return -1;
	s->given_count = s->folder_count;
	/* What is not absolute is to be ignored, says the specification of the variable. */
	if (config && config[0] == '/')
		snprintf(folder, sizeof(folder), "%s/volley/profiles", config);
	else if (home && home[0] == '/')
		snprintf(folder, sizeof(folder), "%s/.config/volley/profiles", home);
	if (folder[0] != '\0' && !add_folder(s, folder))
		return -1;
	return add_folder(s, own_folder()) ? 0 : -1;
}

void search_fini(struct search *s)
{
	arena_fini(&s->arena);
	arena_fini(&s->names_arena);
}

static int check_given(struct search *s, struct err *e)
{
	struct stat facts;

	for (int i = 0; i < s->given_count && !s->is_checked; i++) {
		if (stat(s->folders[i], &facts) != 0)
			return err_set(e, EXIT_USAGE, errno, "--profile-dir: cannot open %s: %s",
				       s->folders[i], strerror(errno));
		if (!S_ISDIR(facts.st_mode))
			return err_set(e, EXIT_USAGE, 0, "--profile-dir: %s is no folder",
				       s->folders[i]);
	}
	s->is_checked = true;
	return 0;
}

/* ---- names ---- */

static bool is_name(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (!isalnum(c) && c < 0x80 && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return text.len > 0 && text.len < PROFILE_NAME_MAX;
}

/* "gmail" of "gmail.yaml"; false for any other file. */
static bool name_of_file(const char *file, struct span *ret_name)
{
	struct span text = span_of(file);

	if (text.len <= SUFFIX_LEN || memcmp(file + text.len - SUFFIX_LEN, SUFFIX, SUFFIX_LEN) != 0)
		return false;
	*ret_name = (struct span){file, text.len - SUFFIX_LEN};
	return true;
}

struct name_array {
	struct arena *arena;
	const char **names;
	size_t count, cap;
};

static bool array_add(struct name_array *a, struct span name)
{
	char *copy;

	if (a->count == a->cap) {
		size_t cap = a->cap > 0 ? 2 * a->cap : 64;
		const char **names = arena_array(a->arena, cap, sizeof(*names));

		if (!names)
			return false;
		if (a->count > 0)
			memcpy(names, a->names, a->count * sizeof(*names));
		a->names = names;
		a->cap = cap;
	}
	copy = arena_text(a->arena, name);
	if (!copy)
		return false;
	a->names[a->count++] = copy;
	return true;
}

static int read_folder(struct search *s, int i, struct name_array *a, struct err *e)
{
	DIR *folder = opendir(s->folders[i]);
	const struct dirent *entry;
	struct span name;

	/* Folders that nobody named need not be there. */
	if (!folder && i >= s->given_count && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!folder)
		return err_set(e, EXIT_USAGE, errno, "cannot read the folder %s: %s", s->folders[i],
			       strerror(errno));
	while ((entry = readdir(folder)) != NULL && a->count < NAMES_MAX) {
		if (!name_of_file(entry->d_name, &name) || !is_name(name) ||
		    span_equal(name, SPAN("base")) || span_equal(name, SPAN("none")))
			continue;
		if (!array_add(a, name)) {
			closedir(folder);
			return err_set(e, EXIT_FAILED, ENOMEM, "memory is exhausted");
		}
	}
	closedir(folder);
	return 0;
}

static int by_text(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

const char *const *search_names(struct search *s, size_t *ret_count, struct err *e)
{
	static const char *const none[] = {NULL};
	struct name_array a = {.arena = &s->names_arena};
	size_t kept = 0;

	arena_fini(&s->names_arena);
	if (check_given(s, e) < 0)
		return NULL;
	for (int i = 0; i < s->folder_count; i++)
		if (read_folder(s, i, &a, e) < 0)
			return NULL;
	if (a.count > 0)
		qsort(a.names, a.count, sizeof(*a.names), by_text);
	for (size_t i = 0; i < a.count; i++)
		if (kept == 0 || strcmp(a.names[i], a.names[kept - 1]) != 0)
			a.names[kept++] = a.names[i];
	*ret_count = kept;
	return kept > 0 ? a.names : none;
}

/* ---- files ---- */

bool search_is_path(const char *word)
{
	struct span name;

	return strchr(word, '/') != NULL || name_of_file(word, &name);
}

static int place_of_path(const char *path, struct search_place *ret_place, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	struct span name = span_of(file);

	name_of_file(file, &name);
	if (!is_name(name))
		return err_set(
			e, EXIT_USAGE, 0,
			"%s:1: the file's name is no name for a profile: at most %d letters, "
			"digits, dots, hyphens and underscores, then .yaml",
			path, PROFILE_NAME_MAX - 1);
	*ret_place = (struct search_place){.path = path, .folder = -1};
	snprintf(ret_place->name, sizeof(ret_place->name), "%.*s", (int)name.len, name.data);
	return 0;
}

/* The first folder from first on that has the name. */
static bool find_from(struct search *s, const char *name, int first, struct search_place *ret_place)
{
	for (int i = first; i < s->folder_count; i++) {
		int len = snprintf(s->path, sizeof(s->path), "%s/%s" SUFFIX, s->folders[i], name);

		if (len >= (int)sizeof(s->path) || access(s->path, F_OK) != 0)
			continue;
		*ret_place = (struct search_place){.path = s->path, .folder = i};
		snprintf(ret_place->name, sizeof(ret_place->name), "%s", name);
		return true;
	}
	return false;
}

static int refuse_name(struct search *s, const char *name, struct err *e)
{
	struct near near = {.word = span_of(name)};
	char looked[ERR_TEXT_MAX / 2] = "";
	struct arena arena = {0}; /* not the one of the names that a caller may be going through */
	struct name_array a = {.arena = &arena};
	struct err ignored;
	size_t len = 0;

	for (int i = 0; i < s->folder_count; i++)
		if (read_folder(s, i, &a, &ignored) < 0)
			break;
	near_try(&near, "base");
	for (size_t i = 0; i < a.count; i++)
		near_try(&near, a.names[i]);
	if (near.best)
		err_set(e, EXIT_USAGE, 0, "there is no profile \"%s\", did you mean \"%s\"?", name,
			near.best);
	arena_fini(&arena);
	if (near.best)
		return -1;
	for (int i = 0; i < s->folder_count; i++) {
		int more = snprintf(looked + len, sizeof(looked) - len, "%s%s", i > 0 ? ", " : "",
				    s->folders[i]);

		if (more > 0 && len + (size_t)more < sizeof(looked))
			len += (size_t)more;
	}
	looked[len] = '\0';
	return err_set(e, EXIT_USAGE, 0,
		       "there is no profile \"%s\" in %s; 'volley profile list' shows all", name,
		       looked);
}

int search_name(struct search *s, const char *name, struct search_place *ret_place, struct err *e)
{
	if (search_is_path(name))
		return place_of_path(name, ret_place, e);
	if (check_given(s, e) < 0)
		return -1;
	if (!is_name(span_of(name)))
		return err_set(e, EXIT_USAGE, 0,
			       "\"%s\" is no name of a profile; 'volley profile list' shows all",
			       name);
	return find_from(s, name, 0, ret_place) ? 0 : refuse_name(s, name, e);
}

int search_parent(struct search *s, const struct search_place *child, const char *word,
		  struct search_place *ret_place, struct err *e)
{
	const char *slash = strrchr(child->path, '/');
	int len;

	if (!search_is_path(word)) {
		if (strcmp(word, child->name) != 0)
			return search_name(s, word, ret_place, e);
		if (find_from(s, word, child->folder + 1, ret_place))
			return 0;
		return err_set(e, EXIT_USAGE, 0,
			       "this is \"%s\" itself, and there is no other further along the "
			       "search path",
			       word);
	}
	while (word[0] == '.' && word[1] == '/')
		word += 2;
	len = snprintf(s->path, sizeof(s->path), "%.*s%s",
		       slash && word[0] != '/' ? (int)(slash + 1 - child->path) : 0, child->path,
		       word);
	if (len >= (int)sizeof(s->path))
		return err_set(e, EXIT_USAGE, ENAMETOOLONG, "the path %s is too long", word);
	if (access(s->path, F_OK) != 0)
		return err_set(e, EXIT_USAGE, errno, "%s cannot be read: %s", s->path,
			       strerror(errno));
	return place_of_path(s->path, ret_place, e);
}
