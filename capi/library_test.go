package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The tests in this file are for the library that `make capi` has made. ADVPARAMS_CAPI names
// the folder; .ci/capi sets it.

func libraryDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ADVPARAMS_CAPI")
	if dir == "" {
		t.Skip("ADVPARAMS_CAPI does not name a folder with the library; make test-capi does")
	}
	return dir
}

// vectorList writes the list that testdata/vectors.c reads.
func vectorList(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, v := range allVectors(t) {
		fmt.Fprintf(&b, "vector %s\nstatus %d\nlocked %s\nkey %s\n", v.Name, statuses[v.Error], v.Locked, v.Key)
		if v.Identity != "" {
			fmt.Fprintf(&b, "identity %s\n", v.Identity)
		}
		if v.Passphrase != "" {
			fmt.Fprintf(&b, "passphrase %s\n", v.Passphrase)
		}
		for _, name := range dataNames(t, v) {
			fmt.Fprintf(&b, "data %s\t%s\n", name, filepath.Join(filepath.Dir(v.Locked), filepath.FromSlash(name)))
		}
		for _, f := range v.Files {
			fmt.Fprintf(&b, "file %s\t%s\n", f.Original, filepath.Join(filepath.Dir(v.Locked), "original", filepath.FromSlash(f.Original)))
		}
		b.WriteString("end\n")
	}
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// compile compiles a C program.
func compile(t *testing.T, out string, args ...string) {
	t.Helper()
	args = append([]string{"-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-I.", "-o", out}, args...)
	run(t, exec.Command("cc", args...))
}

// run runs a command to its end, and returns what it printed.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// TestLibraryVectors opens all vectors from C: with the shared library, with the archive
// linked statically, and under the tools that watch memory.
func TestLibraryVectors(t *testing.T) {
	dir, list := libraryDir(t), vectorList(t)
	shared := []string{"testdata/vectors.c", "-L" + dir, "-ladvparams", "-Wl,-rpath," + dir, "-lpthread"}
	for _, c := range []struct {
		name    string
		args    []string
		threads string
	}{
		{"shared", shared, "4"},
		{"static", []string{"-static", "testdata/vectors.c", filepath.Join(dir, "libadvparams.a"), "-lpthread"}, "2"},
		{"address and undefined behaviour sanitizers", append([]string{"-fsanitize=address,undefined", "-fno-sanitize-recover"}, shared...), "4"},
		{"thread sanitizer", append([]string{"-fsanitize=thread"}, shared...), "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "vectors")
			compile(t, program, c.args...)
			out := run(t, exec.Command(program, list, c.threads))
			if !strings.Contains(out, " 0 faults") {
				t.Errorf("%s", out)
			}
		})
	}
}
