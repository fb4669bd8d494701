package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// target is a system to build for.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// program is the name of the binary.
func (t target) program() string {
	if t.os == "windows" {
		return "advparams.exe"
	}
	return "advparams"
}

// release is one run.
type release struct {
	root    string // of the repository
	out     string
	scratch string

	version string // without the leading v
	date    time.Time
	info    *buildinfo.BuildInfo // of one of the binaries: modules are the same in all
	built   []target
	shared  string            // the folder with man pages and completion
	archive map[target]string // the names of the archives
}

// checkout makes a clone of the repository that this is run in, with the same commit. Go
// reads version and commit from a clone, but not from every kind of working tree.
func checkout(folder string) error {
	text, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return fmt.Errorf("this is no checkout with Git: %w", err)
	}
	root := strings.TrimSpace(string(text))
	commit, err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Output()
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"clone", "--quiet", "--no-checkout", root, folder},
		{"-C", folder, "checkout", "--quiet", "--detach", strings.TrimSpace(string(commit))},
	} {
		if text, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", args[0], err, text)
		}
	}
	return nil
}

func (r *release) binary(t target) string {
	return filepath.Join(r.scratch, t.os+"-"+t.arch, t.program())
}

// build compiles the command. The binary has its version and commit from Git.
func (r *release) build(t target) error {
	cmd := exec.Command("go", "build", "-ldflags=-s -w -buildid=", "-o", r.binary(t), "./cmd/advparams")
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath -buildvcs=true", "CGO_ENABLED=0", "GOWORK=off",
		"GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, problems.String())
	}
	r.built = append(r.built, t)
	if r.info != nil {
		return nil
	}
	info, err := buildinfo.ReadFile(r.binary(t))
	if err != nil {
		return err
	}
	r.info, r.version = info, strings.TrimPrefix(info.Main.Version, "v")
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			if r.date, err = time.Parse(time.RFC3339, s.Value); err != nil {
				return err
			}
		}
	}
	if r.date.IsZero() {
		return fmt.Errorf("the binary does not say which commit it is of")
	}
	return nil
}

// manual lets the command write its man pages and completion, with the date of the commit.
func (r *release) manual() error {
	here := target{runtime.GOOS, runtime.GOARCH}
	r.shared = filepath.Join(r.scratch, "shared")
	cmd := exec.Command("go", "run", "./cmd/advparams", "docs", "--install", r.shared)
	for _, t := range r.built {
		if t == here {
			cmd = exec.Command(r.binary(t), "docs", "--install", r.shared)
		}
	}
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.date.Unix()))
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("man pages: %w\n%s", err, text)
	}
	return nil
}
