package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// A story is a command that is cut off, and the files that it must not lose.
type story struct {
	name string
	// setup fills a folder, in which the commands of before then run.
	setup  func(dir string) error
	before [][]string
	args   []string
	// stdout is the file that standard output goes to, "" for none that counts.
	stdout string
	// model is the model that must come back, with key, wherever the command stops: it
	// and its data are among precious.
	model, key string
	precious   []string
	// changes are patterns of files that the command may make or change. No other file
	// may be different after it, however it ends.
	changes []string
	// journal is the file that is there while the command changes the model where it is.
	journal string
	// random means that what the command makes is different each time.
	random bool
}

// stories are all commands that write something nobody has twice.
func stories() []story {
	one := func(dir string) error {
		return errors.Join(writeModel(filepath.Join(dir, "m.onnx"), classifier(1)), writeSamples(filepath.Join(dir, "d.npz"), 40, 0, true))
	}
	several := func(dir string) error {
		return errors.Join(writeParts(filepath.Join(dir, "m.onnx"), classifier(1)), writeSamples(filepath.Join(dir, "d.npz"), 40, 0, true))
	}
	protect := func(model, out string, more ...string) []string {
		return append([]string{"protect", model, "--data", "d.npz", "-o", out, "--plain-key", "--max-params", "20"}, more...)
	}
	// The weights of one data file change; those of the model itself and of the other do not.
	protectData := func(out string, more ...string) []string {
		return append([]string{"protect", "m.onnx", "--data", "d.npz", "-o", out, "--plain-key", "--include", "layer1/weight", "--key", "k"}, more...)
	}
	sealed := func(out string, more ...string) []string {
		return append([]string{"protect", "m.onnx", "-o", out, "--plain-key", "--profile", "sealed", "--key", "k"}, more...)
	}
	parts := []string{"m.onnx", "m.onnx.1", "m.onnx.2"}
	return []story{
		{
			name: "protect", setup: one, args: protect("m.onnx", "l.onnx", "--key", "k"),
			model: "m.onnx", key: "k", precious: parts[:1], changes: []string{"l.onnx", "k"},
		}, {
			name: "protect over another locked model", setup: one,
			before: [][]string{protect("m.onnx", "l.onnx", "--key", "old")},
			args:   protect("m.onnx", "l.onnx", "--key", "k", "--force", "--exclude", "layer2/weight"),
			model:  "m.onnx", key: "k", precious: parts[:1], changes: []string{"l.onnx", "k"},
		}, {
			name: "protect in place", setup: one, args: protect("m.onnx", "m.onnx", "--force", "--key", "k"),
			model: "m.onnx", key: "k", precious: parts[:1], changes: []string{"m.onnx", "k"},
		}, {
			name: "protect in place, key to standard output", setup: one, args: protect("m.onnx", "m.onnx", "--force", "--key", "-"),
			stdout: "k", model: "m.onnx", key: "k", precious: parts[:1], changes: []string{"m.onnx", "k"},
		}, {
			name: "protect several files", setup: several, args: protectData("out/l.onnx"),
			model: "m.onnx", key: "k", precious: parts, changes: []string{"out/*", "k"},
		}, {
			name: "protect several files in place", setup: several, args: protectData("m.onnx", "--force"),
			model: "m.onnx", key: "k", precious: parts, changes: []string{"m.onnx*", "k"},
		}, {
			name: "unlock", setup: one, before: [][]string{protect("m.onnx", "m.onnx", "--force", "--key", "k")},
			args:  []string{"unlock", "m.onnx", "--key", "k", "-o", "u.onnx"},
			model: "m.onnx", key: "k", precious: parts[:1], changes: []string{"u.onnx"},
		}, {
			name: "unlock in place", setup: one, before: [][]string{protect("m.onnx", "m.onnx", "--force", "--key", "k")},
			args:  []string{"unlock", "m.onnx", "--key", "k", "--in-place"},
			model: "m.onnx", key: "k", precious: parts[:1], changes: []string{"m.onnx"},
		}, {
			name: "unlock several files", setup: several, before: [][]string{protectData("m.onnx", "--force")},
			args:  []string{"unlock", "m.onnx", "--key", "k", "-o", "out/m.onnx"},
			model: "m.onnx", key: "k", precious: parts, changes: []string{"out/*"},
		}, {
			name: "unlock several files in place", setup: several, before: [][]string{protectData("m.onnx", "--force")},
			args:  []string{"unlock", "m.onnx", "--key", "k", "--in-place"},
			model: "m.onnx", key: "k", precious: parts, changes: []string{"m.onnx*"},
		}, {
			name: "protect sealed in place", setup: several, args: sealed("m.onnx", "--force"),
			model: "m.onnx", key: "k", precious: parts, changes: []string{"m.onnx*", "k"}, random: true,
		}, {
			name: "protect sealed where it is", setup: several,
			args:  []string{"protect", "m.onnx", "--profile", "sealed", "--in-place", "--key", "k", "--plain-key"},
			model: "m.onnx", key: "k", precious: parts, changes: []string{"m.onnx*", "k"}, random: true, journal: "m.onnx.advparams-journal",
		}, {
			name: "protect sealed where it is with the key on standard output", setup: several,
			args:   []string{"protect", "m.onnx", "--profile", "sealed", "--in-place", "--key", "-", "--plain-key"},
			stdout: "k", model: "m.onnx", key: "k", precious: parts, changes: []string{"m.onnx*", "k"}, random: true, journal: "m.onnx.advparams-journal",
		}, {
			name: "unlock sealed", setup: several, before: [][]string{sealed("m.onnx", "--force")},
			args:  []string{"unlock", "m.onnx", "--key", "k", "-o", "out/m.onnx"},
			model: "m.onnx", key: "k", precious: parts, changes: []string{"out/*"},
		}, {
			name: "unlock sealed in place", setup: several, before: [][]string{sealed("m.onnx", "--force")},
			args:  []string{"unlock", "m.onnx", "--key", "k", "--in-place"},
			model: "m.onnx", key: "k", precious: parts, changes: []string{"m.onnx*"}, journal: "m.onnx.advparams-journal",
		}, {
			name: "keygen", setup: func(string) error { return nil }, args: []string{"keygen", "-o", "me.txt"}, changes: []string{"me.txt"},
		}, {
			name: "verify with a report", setup: one,
			before: [][]string{protect("m.onnx", "l.onnx", "--key", "k"), {"verify", "--locked", "l.onnx", "--key", "k", "--report", "r.html"}},
			args:   []string{"verify", "--locked", "l.onnx", "--key", "k", "--data", "d.npz", "--report", "r.html", "--force"},
			model:  "m.onnx", key: "k", precious: parts[:1], changes: []string{"r.html"},
		}, {
			name: "batch", setup: func(dir string) error {
				return errors.Join(one(dir), os.WriteFile(filepath.Join(dir, "batch.yaml"), []byte(`version: 1
defaults: {data: {path: d.npz}, max_params: 20, seal: {plain: true}, output: "out/{{.Stem}}.onnx", key: "keys/{{.Stem}}.key"}
models: [m.onnx]
`), 0o666))
			},
			args:  []string{"batch", "batch.yaml", "--workers", "1", "--results", "results.jsonl", "--index", "index.html"},
			model: "m.onnx", key: "keys/m.key", precious: parts[:1],
			changes: []string{"out", "out/*", "out/.advparams-batch/*", "keys", "keys/*", "results.jsonl", "index.html"},
		},
	}
}

// writeParts is writeExternal with the tensors in two files and in the model itself.
func writeParts(path string, m *onnxpb.ModelProto) error {
	for _, t := range m.Graph.Initializer {
		if t.RawData == nil {
			continue
		}
		name := filepath.Base(path) + ".1"
		if t.GetName() != "layer1/weight" {
			name = filepath.Base(path) + ".2"
		}
		f, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			_, err = f.Write(t.RawData)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		t.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
		for _, kv := range [][2]string{{"location", name}, {"offset", fmt.Sprint(info.Size())}, {"length", fmt.Sprint(len(t.RawData))}} {
			t.ExternalData = append(t.ExternalData, &onnxpb.StringStringEntryProto{Key: proto.String(kv[0]), Value: proto.String(kv[1])})
		}
		t.RawData = nil
	}
	return writeModel(path, m)
}

// prepare makes the folder that the story begins with.
func (s *story) prepare(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{"tmp", "out"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.setup(dir); err != nil {
		t.Fatal(err)
	}
	for _, args := range s.before {
		cmd := s.command(dir)
		cmd.Args = append(cmd.Args[:1], args...)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args, err, text)
		}
	}
}

// command returns the command of the story, to run in a folder like the prepared one.
func (s *story) command(dir string) *exec.Cmd {
	cmd := exec.Command("advparams", append([]string{"--quiet"}, s.args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", "TMPDIR="+filepath.Join(dir, "tmp"), "GOMAXPROCS=1")
	return cmd
}
