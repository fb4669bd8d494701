// A plugin of QEMU that counts the instructions of a program by function. It declares what it
// needs of version 1 of QEMU's interface for plugins, whose header Debian does not package.
// Built and run by bench/instructions; the counts go to the file that COUNTS names.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int op, void *counter, uint64_t n);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const char *qemu_plugin_insn_symbol(const struct qemu_plugin_insn *);

#define PUBLIC __attribute__((visibility("default")))
PUBLIC int qemu_plugin_version = 1;

enum { ADD = 0, MOST = 20000 };

static struct count {
	char function[256];
	uint64_t n;
} counts[MOST]; // the first is for code without a symbol, and for all beyond the last

static int used = 1;

static uint64_t *counter(const char *function) {
	if (function == NULL)
		return &counts[0].n;
	for (int i = 1; i < used; i++)
		if (strcmp(counts[i].function, function) == 0)
			return &counts[i].n;
	if (used == MOST)
		return &counts[0].n;
	snprintf(counts[used].function, sizeof counts[used].function, "%s", function);
	return &counts[used++].n;
}

static void translated(plugin_id id, struct qemu_plugin_tb *block) {
	const char *function = qemu_plugin_insn_symbol(qemu_plugin_tb_get_insn(block, 0));
	qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, counter(function), qemu_plugin_tb_n_insns(block));
}

static void finished(plugin_id id, void *data) {
	const char *name = getenv("COUNTS");
	FILE *file = name == NULL ? NULL : fopen(name, "w");
	if (file == NULL) {
		fprintf(stderr, "COUNTS does not name a file that can be written\n");
		return;
	}
	for (int i = 0; i < used; i++)
		fprintf(file, "%llu\t%s\n", (unsigned long long)counts[i].n, i == 0 ? "-" : counts[i].function);
	fclose(file);
}

PUBLIC int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
