// Measures how fast a locked model is opened: the shortest of several runs, and the processor
// time of all threads in it.
//
//   measure LOCKED KEY RUNS
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "advparams.h"

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        return 2;
    }
    double best = 1e9, processor = 1e9, size = 0;
    for (int i = atoi(argv[3]); i > 0; i--) {
        advparams_options o = ADVPARAMS_OPTIONS_INIT;
        advparams_model *model = NULL;
        char *message = NULL;
        o.locked_path = argv[1];
        o.key_path = argv[2];
        double start = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
        if (advparams_open(&o, &model, &message) != ADVPARAMS_OK) {
            fprintf(stderr, "%s\n", message);
            return 1;
        }
        double took = now(CLOCK_MONOTONIC) - start;
        used = now(CLOCK_PROCESS_CPUTIME_ID) - used;
        size = 0;
        for (size_t k = 0; k < advparams_file_count(model); k++) {
            size += (double)advparams_file_size(model, k);
        }
        best = took < best ? took : best;
        processor = used < processor ? used : processor;
        advparams_close(model);
    }
    printf("%.0f MB: %.3f s, %.2f GB/s; processor time %.3f s, %.2f ns a byte\n", size / 1e6, best, size / best / 1e9, processor, processor / size * 1e9);
    return 0;
}
