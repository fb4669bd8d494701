// Opens the vectors that it reads from a list, from paths and from memory, in several threads
// at once, and compares what comes out. The list is made by library_test.go:
//
//   vector NAME
//   status NUMBER
//   locked PATH | key PATH | identity PATH | passphrase TEXT
//   data NAME<tab>PATH     a data file of the locked model
//   file NAME<tab>PATH     what comes out: the model first
//   end
//
//   vectors LIST THREADS
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advparams.h"

#define MOST 16

struct pair {
    char *name, *path;
};

struct vector {
    char *name, *locked, *key, *identity, *passphrase;
    int status;
    struct pair data[MOST], files[MOST];
    size_t data_count, file_count;
};

static struct vector *vectors;
static size_t vector_count;

static void *checked(void *memory) {
    if (memory == NULL) {
        fputs("no memory\n", stderr);
        exit(2);
    }
    return memory;
}

// Returns what is in a file and its size. NULL if there is none.
static char *contents(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *data = checked(malloc(*size + 1));
    if (fread(data, 1, *size, f) != *size) {
        exit(2);
    }
    fclose(f);
    data[*size] = 0;
    return data;
}

static void split(char *line, struct pair *list, size_t *count) {
    char *tab = strchr(line, '\t');
    if (tab == NULL || *count == MOST) {
        fprintf(stderr, "a list that cannot be read: %s\n", line);
        exit(2);
    }
    *tab = 0;
    list[*count].name = line;
    list[(*count)++].path = tab + 1;
}

static void parse(char *text) {
    struct vector v = {0};
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *value = strchr(line, ' ');
        if (value != NULL) {
            *value++ = 0;
        }
        if (strcmp(line, "end") == 0) {
            vectors = checked(realloc(vectors, (vector_count + 1) * sizeof v));
            vectors[vector_count++] = v;
            memset(&v, 0, sizeof v);
        } else if (strcmp(line, "vector") == 0) {
            v.name = value;
        } else if (strcmp(line, "status") == 0) {
            v.status = atoi(value);
        } else if (strcmp(line, "locked") == 0) {
            v.locked = value;
        } else if (strcmp(line, "key") == 0) {
            v.key = value;
        } else if (strcmp(line, "identity") == 0) {
            v.identity = value;
        } else if (strcmp(line, "passphrase") == 0) {
            v.passphrase = value;
        } else if (strcmp(line, "data") == 0) {
            split(value, v.data, &v.data_count);
        } else if (strcmp(line, "file") == 0) {
            split(value, v.files, &v.file_count);
        }
    }
}

static int failed(const struct vector *v, const char *how, const char *what, const char *message) {
    fprintf(stderr, "%s, from %s: %s (%s)\n", v->name, how, what, message == NULL ? "no message" : message);
    return 1;
}

// Opens a vector, and returns how many faults it found.
static int try(const struct vector *v, int from_memory) {
    const char *how = from_memory ? "memory" : "paths";
    advparams_options o = ADVPARAMS_OPTIONS_INIT;
    advparams_data_file data[MOST];
    char *buffers[MOST + 3] = {0};
    size_t used = 0, size = 0;
    o.passphrase = v->passphrase;
    if (from_memory) {
        if ((o.locked = buffers[used++] = contents(v->locked, &o.locked_size)) == NULL) {
            return 0; // a model that is not there has no content
        }
        o.key = buffers[used++] = checked(contents(v->key, &o.key_size));
        if (v->identity != NULL) {
            o.identity = buffers[used++] = checked(contents(v->identity, &size));
        }
        for (size_t i = 0; i < v->data_count; i++) {
            data[i].name = v->data[i].name;
            data[i].data = buffers[used++] = checked(contents(v->data[i].path, &data[i].size));
        }
        o.data_files = data;
        o.data_file_count = v->data_count;
    } else {
        o.locked_path = v->locked;
        o.key_path = v->key;
        o.identity_path = v->identity;
    }
    advparams_model *model = (advparams_model *)1;
    char *message = NULL;
    int faults = 0;
    advparams_status status = advparams_open(&o, &model, &message);
    for (size_t i = 0; i < used; i++) {
        free(buffers[i]); // what was opened does not refer to it
    }
    if ((int)status != v->status) {
        faults += failed(v, how, advparams_status_name(status), message);
    } else if (status != ADVPARAMS_OK) {
        if (model != NULL || message == NULL || message[0] == 0) {
            faults += failed(v, how, "an error with a model or without a message", message);
        }
    } else if (message != NULL || advparams_file_count(model) != v->file_count) {
        faults += failed(v, how, "another number of files", message);
    } else {
        for (size_t i = 0; i < v->file_count; i++) {
            char *want = checked(contents(v->files[i].path, &size));
            if (strcmp(advparams_file_name(model, i), v->files[i].name) != 0 || advparams_file_size(model, i) != size ||
                (size > 0 && memcmp(advparams_file_data(model, i), want, size) != 0)) {
                faults += failed(v, how, "a file is not the original", v->files[i].name);
            }
            free(want);
        }
        if (advparams_file_name(model, v->file_count) != NULL || advparams_file_data(model, v->file_count) != NULL || advparams_file_size(model, (size_t)-1) != 0) {
            faults += failed(v, how, "there is a file that is none", NULL);
        }
    }
    advparams_free_string(message);
    advparams_close(model);
    return faults;
}

// Opens all vectors, beginning at one of its own.
static void *all(void *first) {
    long faults = 0;
    for (size_t i = 0; i < vector_count; i++) {
        const struct vector *v = &vectors[(i + (size_t)first) % vector_count];
        faults += try(v, 0) + try(v, 1);
    }
    return (void *)faults;
}

// Makes mistakes in the options, and returns how many of them were not noticed.
static int mistakes(void) {
    int faults = 0;
    advparams_options good = ADVPARAMS_OPTIONS_INIT;
    good.locked_path = "no/such/file";
    good.key = "no key";
    good.key_size = 6;
    advparams_options bad[8];
    for (int i = 0; i < 8; i++) {
        bad[i] = good;
    }
    bad[0].struct_size = 8;
    bad[1].locked_path = NULL;
    bad[2].locked = "both";
    bad[3].key = NULL;
    bad[4].key_path = "both";
    bad[5].identity = "both", bad[5].passphrase = "both";
    bad[6].max_work_factor = 31;
    bad[7].max_work_factor = -1;
    advparams_model *model = NULL;
    for (int i = 0; i < 8; i++) {
        char *message = NULL;
        if (advparams_open(&bad[i], &model, &message) != ADVPARAMS_ARGUMENT || model != NULL || message == NULL) {
            faults += fprintf(stderr, "mistake %d was not noticed\n", i) > 0;
        }
        advparams_free_string(message);
    }
    // A program that was built with a newer header, which sets an option of the future.
    struct {
        advparams_options known;
        void *unknown;
    } newer = {good, NULL};
    newer.known.struct_size = sizeof newer;
    faults += advparams_open(&newer.known, &model, NULL) != ADVPARAMS_DAMAGED_KEY;
    newer.unknown = &newer;
    faults += advparams_open(&newer.known, &model, NULL) != ADVPARAMS_ARGUMENT;
    faults += advparams_open(NULL, &model, NULL) != ADVPARAMS_ARGUMENT;
    faults += advparams_open(&good, NULL, NULL) != ADVPARAMS_ARGUMENT;
    faults += advparams_open(&good, &model, NULL) != ADVPARAMS_DAMAGED_KEY;
    good.identity = "not an identity";
    faults += advparams_open(&good, &model, NULL) != ADVPARAMS_WRONG_IDENTITY;
    good.identity = NULL, good.identity_path = "no/such/identity";
    faults += advparams_open(&good, &model, NULL) != ADVPARAMS_MISSING;
    advparams_close(NULL);
    advparams_free_string(NULL);
    faults += advparams_file_count(NULL) != 0 || advparams_file_name(NULL, 0) != NULL;
    faults += advparams_api_version() != ADVPARAMS_API_VERSION || advparams_version()[0] == 0;
    faults += strcmp(advparams_status_name((advparams_status)99), "unknown status") != 0;
    return faults;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    size_t size = 0;
    char *text = checked(contents(argv[1], &size));
    parse(text);
    long faults = mistakes();
    size_t threads = (size_t)atoi(argv[2]);
    pthread_t *list = checked(calloc(threads, sizeof *list));
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&list[i], NULL, all, (void *)(i * vector_count / threads)) != 0) {
            return 2;
        }
    }
    for (size_t i = 0; i < threads; i++) {
        void *found = NULL;
        pthread_join(list[i], &found);
        faults += (long)found;
    }
    printf("%zu vectors from paths and from memory in %zu threads: %ld faults\n", vector_count, threads, faults);
    free(list);
    free(vectors);
    free(text);
    return faults != 0;
}
