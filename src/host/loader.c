/* SPDX-License-Identifier: MIT */
#include "host/loader.h"

#include <dlfcn.h>

#include "basic/string-util.h"

void module_unload(LoadedModule *module) {
        if (module->handle)
                (void) dlclose(module->handle); /* there is nothing to do about a library that stays */
        *module = (LoadedModule) {};
}

/* dlerror() begins with the name of our private copy, which nobody knows. */
static const char *loader_message(const char *path) {
        const char *message = dlerror(), *rest;

        if (!message)
                return "unknown error";
        rest = startswith(message, path);
        return rest && startswith(rest, ": ") ? rest + 2 : message;
}

static char *what_is_wrong(const Module *m, const char *id) {
        if (!m)
                return str_printf("it does not define " TOOLOO_MODULE_SYMBOL ": is it a module?");
        if (m->magic != TOOLOO_MODULE_MAGIC)
                return str_printf("its " TOOLOO_MODULE_SYMBOL " is not a module");
        if (m->abi != TOOLOO_MODULE_ABI)
                return str_printf("it was built for module ABI %u, this service has %u: rebuild it", m->abi,
                                  TOOLOO_MODULE_ABI);
        if (m->size != sizeof(Module))
                return str_printf("it was built with other headers of ABI %u: rebuild it", m->abi);
        if (!m->name || !streq(m->name, id))
                return str_printf("it is the module of '%s', not of '%s'", strna(m->name), id);
        if (!m->version)
                return str_printf("it says no version");
        return NULL;
}

int module_load(const char *path, const char *id, LoadedModule *ret, char **ret_reason) {
        LoadedModule loaded = {};
        char *wrong;

        loaded.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!loaded.handle) {
                *ret_reason = str_printf("it cannot be loaded: %s", loader_message(path));
                return -ELIBBAD;
        }
        loaded.module = dlsym(loaded.handle, TOOLOO_MODULE_SYMBOL);
        wrong = what_is_wrong(loaded.module, id);
        if (wrong) {
                module_unload(&loaded);
                *ret_reason = wrong;
                return -ELIBBAD;
        }
        *ret = loaded;
        return 0;
}
