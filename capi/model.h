// What a handle is, for advparams.c and export.go.
#ifndef ADVPARAMS_MODEL_H
#define ADVPARAMS_MODEL_H

#include "advparams.h"

struct file {
    char *name;
    void *data;
    uint64_t size;
};

struct advparams_model {
    uintptr_t handle; // of Go
    size_t count;
    struct file *files;
};

#endif
