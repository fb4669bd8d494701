package doctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block of a page.
var block = regexp.MustCompile("(?ms)^```(python|sh|yaml)\n(.*?)^```$")

// TestTutorials follows the tutorials in an empty folder: blocks of Python are files, whose
// names are in their first lines, and blocks of shell are run. ADVPARAMS_PYTHON, or python3,
// has to have what a tutorial asks for.
func TestTutorials(t *testing.T) {
	if testing.Short() {
		t.Skip("trains models")
	}
	python := os.Getenv("ADVPARAMS_PYTHON")
	if python == "" {
		python = "python3"
	}
	programs := t.TempDir()
	for page, packages := range map[string]string{
		"tutorial-tensorflow.md": "tensorflow, tf2onnx, sklearn, onnxruntime, pyrage, cryptography",
		"tutorial-pytorch.md":    "torch, onnx, onnxscript, sklearn, PIL, onnxruntime, pyrage, cryptography",
	} {
		t.Run(page, func(t *testing.T) {
			if out, err := exec.Command(python, "-c", "import "+packages).CombinedOutput(); err != nil {
				lines := strings.Split(strings.TrimSpace(string(out)), "\n")
				t.Skipf("%s lacks a package: %s", python, lines[len(lines)-1])
			}
			root, err := filepath.Abs("../..")
			if err != nil {
				t.Fatal(err)
			}
			program := filepath.Join(programs, "advparams")
			if _, err := os.Stat(program); err != nil {
				build := exec.Command("go", "build", "-o", program, "./cmd/advparams")
				build.Dir = root
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			full, err := exec.LookPath(python)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(programs, "python"), []byte("#!/bin/sh\nexec '"+full+"' \"$@\"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(root, "docs", page))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, b := range block.FindAllStringSubmatch(string(text), -1) {
				if b[1] != "sh" {
					first, _, _ := strings.Cut(b[2], "\n")
					name, ok := strings.CutPrefix(first, "# ")
					if !ok {
						t.Fatalf("a block does not begin with the name of its file: %s", first)
					}
					if err := os.WriteFile(filepath.Join(dir, name), []byte(b[2]), 0o644); err != nil {
						t.Fatal(err)
					}
					continue
				}
				run := exec.Command("sh", "-e", "-c", b[2])
				run.Dir = dir
				run.Env = append(os.Environ(), "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+dir,
					"PYTHONPATH="+filepath.Join(root, "python", "src"), "PYTHONDONTWRITEBYTECODE=1", "OMP_NUM_THREADS=1", "OMP_WAIT_POLICY=passive", "ORT_DISABLE_TELEMETRY=1")
				out, err := run.CombinedOutput()
				t.Logf("%s%s", b[2], out)
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
