/* SPDX-License-Identifier: MIT */
#include <yaml.h>

#include "basic/string-util.h"
#include "import.h"
#include "shared/strv.h"

typedef struct Reader {
        yaml_document_t document;
        Import import;
        import_variable_t variable;
        void *userdata;
        char *problem;
        unsigned line; /* of the problem */
} Reader;

static void reader_done(Reader *r) {
        yaml_document_delete(&r->document);
        import_done(&r->import);
        free(r->problem);
}

static unsigned line_of(const yaml_node_t *node) {
        return (unsigned) node->start_mark.line + 1;
}

static int refuse(Reader *r, const yaml_node_t *node, char *problem) {
        free(r->problem);
        r->problem = problem;
        r->line = node ? line_of(node) : 1;
        return problem ? -EINVAL : -ENOMEM;
}

/* --- Nodes ------------------------------------------------------------------------------------------------------- */

static yaml_node_t *node_at(Reader *r, int index) {
        return yaml_document_get_node(&r->document, index);
}

/* A scalar's text, which libyaml ends in a NUL; NULL for another kind, and for one with a NUL in it. */
static const char *text_of(const yaml_node_t *node) {
        const char *text = node && node->type == YAML_SCALAR_NODE ? (const char *) node->data.scalar.value : NULL;

        return text && strlen(text) == node->data.scalar.length ? text : NULL;
}

/* An empty scalar without quotes is null in YAML. */
static bool is_null(const yaml_node_t *node) {
        const char *text = text_of(node);

        return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!*text || streq(text, "~") || streq(text, "null"));
}

static bool is_map(const yaml_node_t *node) {
        return node && node->type == YAML_MAPPING_NODE;
}

static bool is_list(const yaml_node_t *node) {
        return node && node->type == YAML_SEQUENCE_NODE;
}

#define FOREACH_PAIR(p, node) \
        for (yaml_node_pair_t *p = (node)->data.mapping.pairs.start; p < (node)->data.mapping.pairs.top; p++)
#define FOREACH_ITEM(i, node) \
        for (yaml_node_item_t *i = (node)->data.sequence.items.start; i < (node)->data.sequence.items.top; i++)

/* The value of key, of a map that "<<" merges in, too: at most so many deep. NULL when there is none. */
static yaml_node_t *find(Reader *r, const yaml_node_t *map, const char *key, unsigned depth) {
        yaml_node_t *merged = NULL;

        if (!map || !is_map(map) || depth == 0)
                return NULL;
        FOREACH_PAIR(p, map) {
                const char *name = text_of(node_at(r, p->key));

                if (name && streq(name, key))
                        return node_at(r, p->value);
                if (name && streq(name, "<<"))
                        merged = node_at(r, p->value);
        }
        if (!merged || !is_list(merged))
                return find(r, merged, key, depth - 1);
        FOREACH_ITEM(i, merged) {
                yaml_node_t *found = find(r, node_at(r, *i), key, depth - 1);

                if (found)
                        return found;
        }
        return NULL;
}

/* Counts what the file is with all aliases followed, as those who copy would: -E2BIG beyond the limit, -ELOOP for what is too
 * deep, of itself too. */
static int count(Reader *r, int index, unsigned depth, size_t *n) {
        yaml_node_t *node = node_at(r, index);
        int result = 0;

        if (++*n > IMPORT_VALUES_MAX)
                return -E2BIG;
        if (depth > IMPORT_DEPTH_MAX)
                return -ELOOP;
        if (is_map(node))
                FOREACH_PAIR(p, node) {
                        result = count(r, p->key, depth + 1, n);
                        if (result >= 0)
                                result = count(r, p->value, depth + 1, n);
                        if (result < 0)
                                return result;
                }
        else if (is_list(node))
                FOREACH_ITEM(i, node) {
                        result = count(r, *i, depth + 1, n);
                        if (result < 0)
                                return result;
                }
        return result;
}

/* --- Variables --------------------------------------------------------------------------------------------------- */

static bool is_name_character(char c, bool first) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* Adds size bytes to *text. */
static int append(char **text, const char *bytes, size_t size) {
        return str_replace_printf(text, "%s%.*s", *text, (int) size, bytes);
}

/* One variable at s, behind its '$'; moves *s behind it. "${A:-x}" and "${A-x}" are known beside "$A" and "${A}". */
static int expand_one(Reader *r, const ImportedService *to, unsigned line, const char **s, char **text) {
        bool braces = **s == '{';
        const char *begin = *s + braces, *end = begin, *rest, *value;
        _cleanup_(freep) char *name = NULL;
        size_t size = 0;

        while (is_name_character(*end, end == begin))
                end++;
        name = strndup(begin, (size_t) (end - begin));
        if (!name)
                return -ENOMEM;
        rest = *end == ':' ? end + 1 : end;
        if (braces) {
                const char *close = strchr(end, '}');

                if (end == begin || !close || (close != end && *rest != '-'))
                        return import_note(&r->import, to->name, line, "'$%s' is not understood and stays as it is", *s) < 0
                                       ? -ENOMEM : append(text, "$", 1);
                if (*rest == '-')
                        size = (size_t) (close - ++rest);
                *s = close + 1;
        } else
                *s = end;
        value = r->variable(name, r->userdata);
        if (value && (*value || *end != ':'))
                return append(text, value, strlen(value));
        if (size == 0 && !(braces && end[0] != '}') &&
            import_note(&r->import, to->name, line, "the variable %s is not set, so it is empty", name) < 0)
                return -ENOMEM;
        return append(text, rest, size);
}

/* A copy with its variables expanded; "$$" is a '$'. */
static int expand(Reader *r, const ImportedService *to, unsigned line, const char *s, char **ret) {
        _cleanup_(freep) char *text = strdup("");
        int result = text ? 0 : -ENOMEM;

        while (result >= 0 && *s) {
                size_t n = strcspn(s, "$");

                result = append(&text, s, n);
                s += n;
                if (result < 0 || !*s)
                        break;
                s++;
                if (*s == '$') {
                        s++;
                        result = append(&text, "$", 1);
                } else if (*s == '{' || is_name_character(*s, true))
                        result = expand_one(r, to, line, &s, &text);
                else
                        result = append(&text, "$", 1);
        }
        if (result >= 0)
                *ret = TAKE_PTR(text);
        return result;
}

/* --- The keys of a service --------------------------------------------------------------------------------------- */

#define note(r, s, node, ...) import_note(&(r)->import, (s)->name, line_of(node), __VA_ARGS__)

static int take_scalar(Reader *r, ImportedService *s, const yaml_node_t *node, char **ret) {
        const char *text = text_of(node);

        return text ? expand(r, s, line_of(node), text, ret) : -EINVAL;
}

/* A string that is split as a shell would, or a list of words. */
static int take_words(Reader *r, ImportedService *s, const yaml_node_t *node, const char *key, char ***words) {
        _cleanup_(strv_freep) char **split = NULL;
        _cleanup_(freep) char *text = NULL;
        int result = 0;

        if (is_list(node)) {
                FOREACH_ITEM(i, node) {
                        free(TAKE_PTR(text));
                        result = take_scalar(r, s, node_at(r, *i), &text);
                        if (result >= 0)
                                result = strv_extend(words, text);
                        if (result < 0)
                                break;
                }
        } else {
                result = take_scalar(r, s, node, &text);
                if (result >= 0)
                        result = import_split(text, &split);
                STRV_FOREACH(word, split)
                        if (result >= 0)
                                result = strv_extend(words, *word);
        }
        if (result != -EINVAL)
                return result;
        s->refused = true;
        return note(r, s, node, "its %s is neither words nor a list of them", key);
}

static int take_variable(Reader *r, ImportedService *s, const yaml_node_pair_t *pair, char ***list) {
        const char *name = text_of(node_at(r, pair->key));
        const yaml_node_t *value = node_at(r, pair->value);
        _cleanup_(freep) char *text = NULL, *assignment = NULL;
        int result = 0;

        if (name && !is_null(value))
                result = take_scalar(r, s, value, &text);
        if (!name || result == -EINVAL)
                return note(r, s, value, "a variable of its environment is no text");
        assignment = result >= 0 ? str_printf("%s%s%s", name, text ? "=" : "", text ? text : "") : NULL;
        return assignment ? strv_extend(list, assignment) : -ENOMEM;
}

/* What is merged in comes first, for of two values of a variable the last one counts. */
static int take_map(Reader *r, ImportedService *s, const yaml_node_t *map, unsigned depth, char ***list) {
        int result = 0;

        for (int merged = true; merged >= false; merged--)
                FOREACH_PAIR(p, map) {
                        const char *name = text_of(node_at(r, p->key));
                        const yaml_node_t *value = node_at(r, p->value);
                        bool merges = name && streq(name, "<<") && is_map(value) && depth > 0;

                        if (merges != (bool) merged)
                                continue;
                        result = merges ? take_map(r, s, value, depth - 1, list) : take_variable(r, s, p, list);
                        if (result < 0)
                                return result;
                }
        return result;
}

static int take_environment(Reader *r, ImportedService *s, const yaml_node_t *node) {
        _cleanup_(strv_freep) char **list = NULL;
        int result;

        result = is_map(node) ? take_map(r, s, node, IMPORT_DEPTH_MAX, &list) : take_words(r, s, node, "environment", &list);
        if (result < 0)
                return result;
        STRV_FOREACH(variable, list) {
                const char *equals = strchr(*variable, '='), *value = equals ? NULL : r->variable(*variable, r->userdata);
                _cleanup_(freep) char *assignment = NULL;

                if (!equals && !value) {
                        result = note(r, s, node, "the variable %s is not set, so it gets none", *variable);
                        if (result < 0)
                                return result;
                        continue;
                }
                assignment = equals ? strdup(*variable) : str_printf("%s=%s", *variable, value);
                if (!assignment || strv_extend(&s->env, assignment) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int take_env_file(Reader *r, ImportedService *s, const yaml_node_t *node) {
        if (!is_list(node)) {
                _cleanup_(freep) char *path = NULL;
                int result = take_scalar(r, s, is_map(node) ? find(r, node, "path", 1) : node, &path);

                if (result == -EINVAL)
                        return note(r, s, node, "its env_file is no path");
                return result < 0 ? result : strv_extend(&s->env_files, path);
        }
        FOREACH_ITEM(i, node) {
                yaml_node_t *item = node_at(r, *i);
                int result = is_list(item) ? note(r, s, item, "its env_file is no path") : take_env_file(r, s, item);

                if (result < 0)
                        return result;
        }
        return 0;
}

/* "[[HOST:]PUBLISHED:]TARGET[/tcp]", or a map. *ret_published is 0 for none. */
static int read_port(Reader *r, ImportedService *s, const yaml_node_t *node, unsigned *ret_target, unsigned *ret_published) {
        _cleanup_(freep) char *target = NULL, *published = NULL;
        unsigned long t = 0, p = 0;
        char *colon, *slash;
        int result;

        result = take_scalar(r, s, is_map(node) ? find(r, node, "target", 1) : node, &target);
        if (result >= 0 && is_map(node) && find(r, node, "published", 1))
                result = take_scalar(r, s, find(r, node, "published", 1), &published);
        if (result < 0)
                return result;
        slash = strchr(target, '/');
        if (slash && !streq(slash, "/tcp"))
                return -EINVAL;
        if (slash)
                *slash = '\0';
        colon = strrchr(target, ':');
        if (parse_uint(colon ? colon + 1 : target, 1, UINT16_MAX, &t) < 0)
                return -EINVAL;
        if (colon) {
                const char *host;

                *colon = '\0';
                host = strrchr(target, ':');
                if (parse_uint(host ? host + 1 : target, 1, UINT16_MAX, &p) < 0)
                        return -EINVAL;
        } else if (published && parse_uint(published, 1, UINT16_MAX, &p) < 0)
                return -EINVAL;
        *ret_target = (unsigned) t;
        *ret_published = (unsigned) p;
        return 0;
}

static int take_port(Reader *r, ImportedService *s, const yaml_node_t *node) {
        unsigned target = 0, published = 0;
        int result = read_port(r, s, node, &target, &published);

        if (result == -EINVAL)
                return note(r, s, node, "a port that is not one TCP port is left out");
        if (result < 0)
                return result;
        if (s->port > 0)
                return s->port == target ? 0 : note(r, s, node, "port %u is left out: a service has one, and it is %u", target,
                                                    s->port);
        s->port = target;
        if (published > 0 && published != target)
                return note(r, s, node, "nothing forwards port %u: the program listens at %u itself", published, target);
        return 0;
}

static int take_ports(Reader *r, ImportedService *s, const yaml_node_t *node) {
        if (!is_list(node))
                return note(r, s, node, "its ports are no list");
        FOREACH_ITEM(i, node) {
                int result = take_port(r, s, node_at(r, *i));

                if (result < 0)
                        return result;
        }
        return 0;
}

static int take_depends_on(Reader *r, ImportedService *s, const yaml_node_t *node) {
        if (!is_map(node))
                return take_words(r, s, node, "depends_on", &s->after);
        FOREACH_PAIR(p, node) {
                const char *name = text_of(node_at(r, p->key));
                const char *condition = text_of(find(r, node_at(r, p->value), "condition", 1));
                int result = name ? strv_extend(&s->after, name) : 0;

                if (result >= 0 && condition && !streq(condition, "service_started"))
                        result = note(r, s, node_at(r, p->key), "it starts after %s, and does not wait for %s", strna(name),
                                      condition);
                if (result < 0)
                        return result;
        }
        return 0;
}

/* The path of the first URL of a test. */
static int take_healthcheck(Reader *r, ImportedService *s, const yaml_node_t *node) {
        _cleanup_(strv_freep) char **words = NULL;
        yaml_node_t *test = find(r, node, "test", 1);
        int result = test ? take_words(r, s, test, "healthcheck", &words) : 0;

        STRV_FOREACH(word, words) {
                const char *url = strstr(*word, "http://");
                const char *path = url ? url + strcspn(url + strlen("http://"), "/ ") + strlen("http://") : NULL;

                if (!path || *path != '/')
                        continue;
                s->health = strndup(path, strcspn(path, " ?#'\"|&;)"));
                return s->health ? 0 : -ENOMEM;
        }
        return result < 0 ? result : note(r, s, node, "its healthcheck asks no URL: /health or / is asked in its place");
}

/* A directory of this machine may be written to; where it is mounted in a container is nowhere here. */
static int take_volume(Reader *r, ImportedService *s, const yaml_node_t *node) {
        _cleanup_(freep) char *text = NULL;
        char *colon;
        int result = is_map(node) ? -EINVAL : take_scalar(r, s, node, &text);

        if (result == -ENOMEM)
                return result;
        colon = text ? strchr(text, ':') : NULL;
        if (!text || !colon || !strchr("./~", text[0]))
                return note(r, s, node, "a volume is nothing here: the program sees this machine's own files");
        *colon = '\0';
        result = endswith(colon + 1, ":ro") ? 0 : strv_extend(&s->write, text);
        return result < 0 ? result : note(r, s, node, "%s is not mounted at %s: the program sees it where it is", text, colon + 1);
}

static int take_volumes(Reader *r, ImportedService *s, const yaml_node_t *node) {
        if (!is_list(node))
                return note(r, s, node, "its volumes are no list");
        FOREACH_ITEM(i, node) {
                int result = take_volume(r, s, node_at(r, *i));

                if (result < 0)
                        return result;
        }
        return 0;
}

static int take_directory(Reader *r, ImportedService *s, const yaml_node_t *node) {
        int result = take_scalar(r, s, node, &s->directory);

        return result == -EINVAL ? note(r, s, node, "its working_dir is no path") : result;
}

static int take_build(Reader *r, ImportedService *s, const yaml_node_t *node) {
        yaml_node_t *context = is_map(node) ? find(r, node, "context", 1) : (yaml_node_t *) node;
        int result = 0;

        /* What a container's directory would be is not here; the sources are. */
        if (!s->directory && text_of(context))
                result = take_scalar(r, s, context, &s->directory);
        return result < 0 ? result : note(r, s, node, "nothing is built: its command runs here, in its directory");
}

static int take_restart(Reader *r, ImportedService *s, const yaml_node_t *node) {
        const char *text = text_of(node);

        if (text && streq(text, "no"))
                return note(r, s, node, "it is restarted when it crashes, as all of the fleet is");
        return 0;
}

static const struct {
        const char *key;
        int (*take)(Reader *r, ImportedService *s, const yaml_node_t *node);
} keys[] = {
        { "working_dir", take_directory }, /* before build */
        { "build", take_build },
        { "environment", take_environment },
        { "env_file", take_env_file },
        { "ports", take_ports },
        { "depends_on", take_depends_on },
        { "healthcheck", take_healthcheck },
        { "volumes", take_volumes },
        { "restart", take_restart },
};

static bool is_known(const char *key) {
        static const char *const others[] = { "command", "entrypoint", "image", "expose", "container_name", "<<" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].key, key))
                        return true;
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (streq(others[i], key))
                        return true;
        return startswith(key, "x-");
}

static int note_unknown(Reader *r, ImportedService *s, const yaml_node_t *map) {
        FOREACH_PAIR(p, map) {
                const yaml_node_t *key = node_at(r, p->key);
                const char *name = text_of(key);

                if ((!name || !is_known(name)) && note(r, s, key, "%s is nothing that could be carried over", strna(name)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int take_command(Reader *r, ImportedService *s, const yaml_node_t *map) {
        yaml_node_t *entrypoint = find(r, map, "entrypoint", IMPORT_DEPTH_MAX), *command = find(r, map, "command", IMPORT_DEPTH_MAX);
        yaml_node_t *image = find(r, map, "image", IMPORT_DEPTH_MAX);
        int result = 0;

        if (entrypoint && !is_null(entrypoint))
                result = take_words(r, s, entrypoint, "entrypoint", &s->command);
        if (result >= 0 && command && !is_null(command))
                result = take_words(r, s, command, "command", &s->command);
        if (result < 0 || s->refused)
                return result;
        if (s->command)
                return image && text_of(image) ? note(r, s, image, "the image %s is not used: its command runs here", text_of(image))
                                               : 0;
        s->refused = true;
        if (image && text_of(image))
                return note(r, s, image, "the image %s cannot run here, and it names no command", text_of(image));
        return import_note(&r->import, s->name, s->line, "it names no command, and what a build would run is not known here");
}

/* Only where nothing else says which port it has. */
static int take_expose(Reader *r, ImportedService *s, const yaml_node_t *map) {
        yaml_node_t *expose = find(r, map, "expose", IMPORT_DEPTH_MAX);

        return expose && s->port == 0 ? take_ports(r, s, expose) : 0;
}

static int take_service(Reader *r, const yaml_node_t *key, const yaml_node_t *map) {
        ImportedService *s;
        int result;

        if (!text_of(key) || !is_map(map))
                return refuse(r, key, strdup("a service is a name with a map"));
        if (r->import.n_services == IMPORT_SERVICES_MAX)
                return refuse(r, key, str_printf("more than %d services", IMPORT_SERVICES_MAX));
        s = import_add(&r->import, text_of(key), line_of(key));
        result = s ? take_command(r, s, map) : -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(keys) && result >= 0; i++) {
                yaml_node_t *value = find(r, map, keys[i].key, IMPORT_DEPTH_MAX);

                if (value && !is_null(value))
                        result = keys[i].take(r, s, value);
        }
        if (result >= 0)
                result = take_expose(r, s, map);
        return result < 0 ? result : note_unknown(r, s, map);
}

/* --- The file ---------------------------------------------------------------------------------------------------- */

static int note_top(Reader *r, const yaml_node_t *root) {
        FOREACH_PAIR(p, root) {
                const yaml_node_t *key = node_at(r, p->key);
                const char *name = text_of(key);

                if (name && (streq(name, "services") || streq(name, "version") || streq(name, "name") || startswith(name, "x-")))
                        continue;
                if (import_note(&r->import, NULL, line_of(key), "%s is nothing that could be carried over", strna(name)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int read_document(Reader *r) {
        yaml_node_t *root = yaml_document_get_root_node(&r->document), *services;
        size_t n = 0;
        int result;

        result = root ? count(r, 1, 0, &n) : 0; /* libyaml numbers from 1, the root first */
        if (result == -E2BIG)
                return refuse(r, root, str_printf("more than %d values, with what its aliases stand for", IMPORT_VALUES_MAX));
        if (result == -ELOOP)
                return refuse(r, root, str_printf("more than %d levels deep", IMPORT_DEPTH_MAX));
        services = find(r, root, "services", 1);
        if (!is_map(services))
                return refuse(r, root, strdup("it has no map 'services'"));
        FOREACH_PAIR(p, services) {
                result = take_service(r, node_at(r, p->key), node_at(r, p->value));
                if (result < 0)
                        return result;
        }
        return note_top(r, root);
}

static int load(Reader *r, const char *text, size_t size) {
        yaml_parser_t parser;
        int result = 0;

        if (!yaml_parser_initialize(&parser))
                return -ENOMEM;
        yaml_parser_set_input_string(&parser, (const unsigned char *) text, size);
        if (!yaml_parser_load(&parser, &r->document)) {
                result = parser.error == YAML_MEMORY_ERROR ? -ENOMEM
                                                           : refuse(r, NULL, str_printf("it is no YAML: %s", strna(parser.problem)));
                r->line = (unsigned) parser.problem_mark.line + 1;
                r->document = (yaml_document_t) {};
        }
        yaml_parser_delete(&parser);
        return result;
}

int compose_read(const char *text, size_t size, import_variable_t variable, void *userdata, Import *ret, unsigned *ret_line,
                 char **ret_problem) {
        _cleanup_(reader_done) Reader r = { .variable = variable, .userdata = userdata };
        int result;

        result = load(&r, text, size);
        if (result >= 0)
                result = read_document(&r);
        if (result == -EINVAL) {
                *ret_line = r.line;
                *ret_problem = TAKE_PTR(r.problem);
        }
        if (result < 0)
                return result;
        *ret = r.import;
        r.import = (Import) {};
        return 0;
}
