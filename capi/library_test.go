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

// vectorList writes the list that testdata/vectors.c reads, of one in n vectors.
func vectorList(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	for i, v := range allVectors(t) {
		if i%n != 0 {
			continue
		}
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
	dir := libraryDir(t)
	shared := []string{"testdata/vectors.c", "-L" + dir, "-ladvparams", "-Wl,-rpath," + dir, "-lpthread"}
	for _, c := range []struct {
		name    string
		args    []string
		threads string
		oneIn   int
		tool    []string
	}{
		{"shared", shared, "4", 1, nil},
		{"static", []string{"-static", "testdata/vectors.c", filepath.Join(dir, "libadvparams.a"), "-lpthread"}, "2", 1, nil},
		{"address and undefined behaviour sanitizers", append([]string{"-fsanitize=address,undefined", "-fno-sanitize-recover"}, shared...), "4", 1, nil},
		{"thread sanitizer", append([]string{"-fsanitize=thread"}, shared...), "2", 1, nil},
		// Valgrind does not know the stacks of goroutines. What is checked is that C does
		// not lose memory, nor read what is not there.
		{"valgrind", shared, "1", 9, []string{"valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite", "--undef-value-errors=no", "--suppressions=testdata/valgrind.supp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.tool != nil {
				if _, err := exec.LookPath(c.tool[0]); err != nil {
					t.Skip(err)
				}
			}
			program := filepath.Join(t.TempDir(), "vectors")
			compile(t, program, c.args...)
			command := append(append([]string{}, c.tool...), program, vectorList(t, c.oneIn), c.threads)
			out := run(t, exec.Command(command[0], command[1:]...))
			if !strings.Contains(out, " 0 faults") {
				t.Errorf("%s", out)
			}
		})
	}
}
