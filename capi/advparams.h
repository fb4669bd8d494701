/*
 * advparams.h: opens locked ONNX models in memory.
 *
 *   advparams_options o = ADVPARAMS_OPTIONS_INIT;
 *   advparams_model *model = NULL;
 *   char *message = NULL;
 *   o.locked_path = "locked.onnx";
 *   o.key_path = "model.key";
 *   o.identity_path = "/run/secrets/me.txt";
 *   if (advparams_open(&o, &model, &message) != ADVPARAMS_OK) {
 *       fprintf(stderr, "%s\n", message);
 *       advparams_free_string(message);
 *       return 1;
 *   }
 *   ... advparams_file_data(model, 0), advparams_file_size(model, 0) ...
 *   advparams_close(model);
 *
 * advparams_open makes the original of a locked model, compares it with the digests in the
 * key, and returns a handle. No file is written. The bytes stay where they are until
 * advparams_close, which overwrites them with zeros.
 *
 * Threads. There is no global state: every function may be called by several threads at
 * once. One model may be read by several threads; it must be closed when none of them uses
 * it any more, and once.
 *
 * Processes. The library brings the runtime of Go, which has threads of its own. After
 * fork() without exec() the child must not call the library. It must not be unloaded
 * (dlclose). docs/capi.md says what the runtime does with signals.
 *
 * Memory. The bytes lie outside of every allocator, page-aligned. Linux leaves them out of
 * core dumps. They can be swapped out. What cannot be overwritten with zeros is said in the
 * documentation of the Go package's function Open.
 */
#ifndef ADVPARAMS_H
#define ADVPARAMS_H

#include <stddef.h>
#include <stdint.h>

/* What this header declares. It rises when something is added. What is there stays. */
#define ADVPARAMS_API_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

/* What a call found. The numbers stay. */
typedef enum advparams_status {
    ADVPARAMS_OK = 0,
    ADVPARAMS_ARGUMENT = 1,        /* the options contradict themselves, or something is missing in them */
    ADVPARAMS_IO = 2,              /* a file cannot be read; the message has the system's reason */
    ADVPARAMS_MISSING = 3,         /* a file of the locked model, the key or the identity file is not there */
    ADVPARAMS_WRONG_MODEL = 4,     /* a file is not the one that the key is for, or has been changed */
    ADVPARAMS_WRONG_IDENTITY = 5,  /* the identity or passphrase does not open the key, or is none */
    ADVPARAMS_TOO_MUCH_WORK = 6,   /* to try the passphrase takes more than max_work_factor allows */
    ADVPARAMS_DAMAGED_KEY = 7,     /* truncated, altered, no key, or in contradiction with itself */
    ADVPARAMS_NEWER_KEY = 8,       /* of a version, or with a step, that this library does not know */
    ADVPARAMS_WRONG_RESULT = 9,    /* what comes out is not the original that the key describes */
    ADVPARAMS_MEMORY = 10,         /* there is not enough memory */
    ADVPARAMS_INTERNAL = 11        /* a fault of this library */
} advparams_status;

/* A data file of a locked model that is in memory. */
typedef struct advparams_data_file {
    const char *name;              /* as the locked model names it: relative, with slashes */
    const void *data;
    size_t size;
} advparams_data_file;

/*
 * What to open, and with what. Begin with ADVPARAMS_OPTIONS_INIT. Strings are in UTF-8 and
 * end with a zero byte. Nothing of it is used after advparams_open has returned.
 */
typedef struct advparams_options {
    size_t struct_size;            /* set by ADVPARAMS_OPTIONS_INIT */

    /* The locked model: a path, or memory. The data files of a path lie beside it. */
    const char *locked_path;
    const void *locked;
    size_t locked_size;
    const advparams_data_file *data_files;
    size_t data_file_count;

    /* The key: a path, or memory. */
    const char *key_path;
    const void *key;
    size_t key_size;

    /*
     * What opens the key, unless it is a plain one: an identity file, its content
     * (AGE-SECRET-KEY-..., AGE-PLUGIN-..., or an SSH private key), or a passphrase.
     */
    const char *identity_path;
    const char *identity;
    const char *passphrase;
    /*
     * The most work to try a passphrase, which the key decides: 2 to its power KiB of
     * memory, and time in proportion. 0 is 20: 1 GiB and some seconds. At most 30.
     */
    int32_t max_work_factor;
} advparams_options;

#ifdef __cplusplus
#define ADVPARAMS_OPTIONS_INIT \
    advparams_options { sizeof(advparams_options), nullptr, nullptr, 0, nullptr, 0, nullptr, nullptr, 0, nullptr, nullptr, nullptr, 0 }
#else
#define ADVPARAMS_OPTIONS_INIT {sizeof(advparams_options), NULL, NULL, 0, NULL, 0, NULL, NULL, 0, NULL, NULL, NULL, 0}
#endif

/* The original of a locked model. */
typedef struct advparams_model advparams_model;

/*
 * Opens a locked model. If it succeeds, *model is to be closed with advparams_close. If not,
 * *model is NULL, and *message says in one line what is wrong, in which file, and what to do
 * about it: free it with advparams_free_string. message may be NULL.
 */
advparams_status advparams_open(const advparams_options *options, advparams_model **model, char **message);

/* The number of files: the model, which is file 0, and its external data files. */
size_t advparams_file_count(const advparams_model *model);

/*
 * The name of a file: of the model its file name, of a data file the location by which the
 * model refers to it, relative and with slashes. NULL if there is no such file. Valid until
 * advparams_close, as are the bytes.
 */
const char *advparams_file_name(const advparams_model *model, size_t index);

/* The size of a file in bytes; 0 if there is no such file. */
uint64_t advparams_file_size(const advparams_model *model, size_t index);

/* The bytes of a file, not to be changed; NULL if it is empty or there is no such file. */
const void *advparams_file_data(const advparams_model *model, size_t index);

/*
 * Overwrites the bytes of all files with zeros and gives their memory back. NULL is ignored.
 * A runtime may still refer to the bytes: close its session first.
 */
void advparams_close(advparams_model *model);

/* Frees a message. NULL is ignored. */
void advparams_free_string(char *message);

/* The name of a status, such as "wrong identity". It is never NULL and not to be freed. */
const char *advparams_status_name(advparams_status status);

/* The version of this library, such as "v1.2.3". Not to be freed. */
const char *advparams_version(void);

/* The ADVPARAMS_API_VERSION that this library was built with. */
int advparams_api_version(void);

#ifdef __cplusplus
}
#endif

#endif
