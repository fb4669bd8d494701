package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/batch/objects/objectstest"
)

var update = flag.Bool("update", false, "write docs/cli.md and the expected output of scripts anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"advparams": main, "fixture": fixture, objects.Program: storage})
}

// storage stands in for advparams-storage. The clouds are folders of the script.
func storage() {
	store := &objectstest.Dir{Root: os.Getenv("CLOUDS")}
	if err := objects.Serve(context.Background(), store, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestScripts runs testdata/script/*.txtar, with advparams as a process of its own. Scripts have the
// condition [long], for what only longVariable asks for.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE")) // of make race
			heads, err := filepath.Abs("../../testdata/heads")
			if err != nil {
				return err
			}
			env.Setenv("HEADS", heads)
			return nil
		},
		UpdateScripts: *update,
		Condition: func(cond string) (bool, error) {
			if cond != "long" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return os.Getenv(longVariable) != "", nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": expectStatus,
			"json":   expectJSON,
			"oops":   expectError,
			"mode":   expectMode,
		},
	})
}

// expectStatus runs advparams: status CODE ARGS…
func expectStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	have := 0
	if e, ok := err.(interface{ ExitCode() int }); ok {
		have = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(have) != args[0] {
		ts.Fatalf("exit status %d, want %s", have, args[0])
	}
}

// expectError checks that the standard error is exactly one error and one hint
// and holds the given texts, and that nothing went to standard output: oops TEXT…
func expectError(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile("stderr")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	ok := len(lines) == 2 && strings.HasPrefix(lines[0], "advparams: error: ") && strings.HasPrefix(lines[1], "advparams: hint: ")
	if neg || !ok {
		ts.Fatalf("not an error line and a hint line")
	}
	for _, want := range args {
		if !strings.Contains(text, want) {
			ts.Fatalf("%q is missing in the error", want)
		}
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output has %q", out)
	}
}

// expectJSON checks fields of the one JSON object on standard output:
// json PATH=VALUE…, a path like accuracy.locked or tensors.0.name, the value in
// JSON, a range of numbers like 0..0.3, or * for anything but null.
func expectJSON(ts *testscript.TestScript, neg bool, args []string) {
	var object any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &object); err != nil {
		ts.Fatalf("standard output: %v", err)
	}
	for _, arg := range args {
		path, want, _ := strings.Cut(arg, "=")
		value := object
		for name := range strings.SplitSeq(path, ".") {
			switch v := value.(type) {
			case map[string]any:
				value = v[name]
			case []any:
				var i int
				if _, err := fmt.Sscan(name, &i); err != nil || i >= len(v) {
					ts.Fatalf("%s: no element %q", path, name)
				}
				value = v[i]
			default:
				ts.Fatalf("%s: nothing there", path)
			}
		}
		have, err := json.Marshal(value)
		ts.Check(err)
		matches := string(have) == want || want == "*" && value != nil || within(value, want)
		if matches == neg {
			ts.Fatalf("%s is %s", path, have)
		}
	}
}

// within reports whether a value lies in a range given as LOW..HIGH.
func within(value any, text string) bool {
	x, number := value.(float64)
	low, high, _ := strings.Cut(text, "..")
	from, err1 := strconv.ParseFloat(low, 64)
	to, err2 := strconv.ParseFloat(high, 64)
	return number && err1 == nil && err2 == nil && from <= x && x <= to
}

// expectMode checks the permission bits of files: mode 0600 FILE…
func expectMode(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if have := fmt.Sprintf("%#o", info.Mode().Perm()); (have == args[0]) == neg {
			ts.Fatalf("%s has mode %s", name, have)
		}
	}
}
