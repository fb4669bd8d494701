// The functions of advparams.h, on top of what export.go has. The names, sizes and addresses
// of files are copied into a struct of C, so that reading them calls no Go.
#include "_cgo_export.h"

#include <stdlib.h>
#include <string.h>

static advparams_status fail(advparams_status status, const char *text, char **message) {
    if (message != NULL) {
        *message = strdup(text);
    }
    return status;
}

advparams_status advparams_open(const advparams_options *options, advparams_model **model, char **message) {
    advparams_options known;
    if (message != NULL) {
        *message = NULL;
    }
    if (model == NULL) {
        return fail(ADVPARAMS_ARGUMENT, "model is NULL", message);
    }
    *model = NULL;
    if (options == NULL) {
        return fail(ADVPARAMS_ARGUMENT, "options is NULL", message);
    }
    // A program that was built with another header has a longer or a shorter struct. Its
    // first version is the shortest.
    if (options->struct_size < offsetof(advparams_options, max_work_factor) + sizeof(int32_t)) {
        return fail(ADVPARAMS_ARGUMENT, "struct_size is too small: begin with ADVPARAMS_OPTIONS_INIT", message);
    }
    const unsigned char *rest = (const unsigned char *)options;
    for (size_t i = sizeof known; i < options->struct_size; i++) {
        if (rest[i] != 0) {
            return fail(ADVPARAMS_ARGUMENT, "an option that this library does not know: it is older than the header", message);
        }
    }
    memset(&known, 0, sizeof known);
    memcpy(&known, options, options->struct_size < sizeof known ? options->struct_size : sizeof known);
    char *text = NULL;
    advparams_status status = advparamsGoOpen(&known, model, &text);
    if (message != NULL) {
        *message = text;
    } else {
        free(text);
    }
    return status;
}

size_t advparams_file_count(const advparams_model *model) { return model == NULL ? 0 : model->count; }

const char *advparams_file_name(const advparams_model *model, size_t index) {
    return index < advparams_file_count(model) ? model->files[index].name : NULL;
}

uint64_t advparams_file_size(const advparams_model *model, size_t index) {
    return index < advparams_file_count(model) ? model->files[index].size : 0;
}

const void *advparams_file_data(const advparams_model *model, size_t index) {
    return index < advparams_file_count(model) ? model->files[index].data : NULL;
}

void advparams_close(advparams_model *model) {
    if (model == NULL) {
        return;
    }
    advparamsGoClose(model->handle);
    for (size_t i = 0; i < model->count; i++) {
        free(model->files[i].name);
    }
    free(model->files);
    free(model);
}

void advparams_free_string(char *message) { free(message); }

const char *advparams_status_name(advparams_status status) {
    switch (status) {
    case ADVPARAMS_OK:
        return "ok";
    case ADVPARAMS_ARGUMENT:
        return "wrong argument";
    case ADVPARAMS_IO:
        return "cannot be read";
    case ADVPARAMS_MISSING:
        return "missing file";
    case ADVPARAMS_WRONG_MODEL:
        return "wrong model";
    case ADVPARAMS_WRONG_IDENTITY:
        return "wrong identity";
    case ADVPARAMS_TOO_MUCH_WORK:
        return "too much work";
    case ADVPARAMS_DAMAGED_KEY:
        return "damaged key";
    case ADVPARAMS_NEWER_KEY:
        return "newer key";
    case ADVPARAMS_WRONG_RESULT:
        return "wrong result";
    case ADVPARAMS_MEMORY:
        return "out of memory";
    case ADVPARAMS_INTERNAL:
        return "internal error";
    }
    return "unknown status";
}

const char *advparams_version(void) {
    static char text[64];
    advparamsGoVersion(text, sizeof text);
    return text;
}

int advparams_api_version(void) { return ADVPARAMS_API_VERSION; }
