package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The tests in this file build the repository agent for Triton in deploy/triton, and the host
// that calls it as Triton does.

// buildTriton returns the agent and its host.
func buildTriton(t *testing.T) (agent, host string) {
	t.Helper()
	dir, out := libraryDir(t), t.TempDir()
	if _, err := exec.LookPath("c++"); err != nil {
		t.Skip(err)
	}
	run(t, exec.Command("../deploy/triton/build", out, dir))
	host = filepath.Join(out, "host")
	run(t, exec.Command("c++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-rdynamic", "../deploy/triton/host.cc", "-ldl", "-o", host))
	return filepath.Join(out, "libtritonrepoagent_advparams.so"), host
}

// repository makes the folder of a model of Triton's: a version that is locked, labels and a
// configuration.
func repository(t *testing.T, l lockedModel) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "1"), 0o777); err != nil {
		t.Fatal(err)
	}
	copyFile(t, l.locked, filepath.Join(dir, "1", "model.onnx"))
	copyFile(t, l.key, filepath.Join(dir, "1", "model.onnx.key"))
	for _, data := range []string{"locked.onnx.data", "external_data__onnx.data"} {
		if from := filepath.Join(filepath.Dir(l.locked), data); exists(from) {
			copyFile(t, from, filepath.Join(dir, "1", data))
		}
	}
	for name, text := range map[string]string{"config.pbtxt": "name: \"m\"\n", "labels.txt": "a\nb\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestTriton loads and unloads models. At each moment there is the original where the server
// looks for it, and nothing is left once the model is unloaded.
func TestTriton(t *testing.T) {
	agent, host := buildTriton(t)
	for _, l := range lockModels(t, []string{exampleModels[0], exampleModels[3]}) {
		t.Run(l.name, func(t *testing.T) {
			repository := repository(t, l)
			cmd := exec.Command(host, agent, repository, "identity_file="+l.identity)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			next := func(want string) string {
				t.Helper()
				if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
					t.Fatalf("the host says %q, want %q", lines.Text(), want)
				}
				return strings.TrimSpace(strings.TrimPrefix(lines.Text(), want))
			}
			location := next("loading")
			compareFolders(t, l, repository, location)
			f, err := os.Open(filepath.Join(location, "1", "model.onnx")) // as backends keep it
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, step := range []string{"loaded", "unloading"} {
				io.WriteString(in, "\n")
				next(step)
				compareFolders(t, l, repository, location)
			}
			io.WriteString(in, "\n")
			next("unloaded")
			if exists(location) {
				t.Error("the folder is still there")
			}
			if rest, err := io.ReadAll(f); err != nil || len(rest) == 0 || len(bytes.Trim(rest, "\x00")) > 0 {
				t.Errorf("a file that was removed has %d bytes that are not all zero (%v)", len(rest), err)
			}
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// compareFolders compares what the agent made with the original.
func compareFolders(t *testing.T, l lockedModel, repository, location string) {
	t.Helper()
	if !strings.HasPrefix(location, "/dev/shm/") {
		t.Fatalf("the model is in %s", location)
	}
	if info, err := os.Stat(location); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v (%v)", info.Mode(), err)
	}
	want := map[string]string{"config.pbtxt": filepath.Join(repository, "config.pbtxt"), "labels.txt": filepath.Join(repository, "labels.txt"), "1/model.onnx": l.original}
	if strings.Contains(l.name, "external") {
		want["1/external_data__onnx.data"] = strings.TrimSuffix(l.original, ".onnx") + ".data"
	}
	for name, original := range want {
		a, err := os.ReadFile(filepath.Join(location, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(original)
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is not %s (%v)", name, original, err)
		}
	}
	if err := fs.WalkDir(os.DirFS(location), ".", func(name string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".key") {
			t.Errorf("the key is at %s", name)
		}
		if info, infoErr := d.Info(); infoErr == nil && info.Mode().IsRegular() && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestTritonRefuses loads what cannot be loaded. Nothing is left in memory.
func TestTritonRefuses(t *testing.T) {
	agent, host := buildTriton(t)
	l := lockModels(t, exampleModels[:1])[0]
	before := left(t)
	for _, c := range []struct {
		name, parameter, want string
		change                func(dir string)
		env                   string
	}{
		{name: "no identity", want: "code 3: advparams: "},
		{name: "unknown parameter", parameter: "identity=x", want: "code 3: advparams: unknown parameter identity"},
		{name: "no such identity", parameter: "identity_file=/no/such/file", want: "code 2: advparams: "},
		{name: "no key", parameter: "identity_file=" + l.identity, want: "code 2: advparams: no file in", change: func(dir string) {
			os.Remove(filepath.Join(dir, "1", "model.onnx.key"))
		}},
		{name: "another model", parameter: "identity_file=" + l.identity, want: "is not the file that was locked", change: func(dir string) {
			os.WriteFile(filepath.Join(dir, "1", "model.onnx"), []byte("another"), 0o666)
		}},
		{name: "a folder on a disk", parameter: "identity_file=" + l.identity, want: "code 3: advparams: /proc is not a file system in memory", env: "ADVPARAMS_MEMORY=/proc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := repository(t, l)
			if c.change != nil {
				c.change(dir)
			}
			cmd := exec.Command(host, agent, dir)
			if c.parameter != "" {
				cmd.Args = append(cmd.Args, c.parameter)
			}
			cmd.Env = append(os.Environ(), c.env)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) || !strings.HasPrefix(string(out), "loading failed") {
				t.Errorf("%v, %s; want %s", err, out, c.want)
			}
		})
	}
	if after := left(t); after != before {
		t.Errorf("folders in memory: %s before, %s after", before, after)
	}
}

// left lists the folders of agents.
func left(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/dev/shm/advparams-triton-*")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(found)
}
