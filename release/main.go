// Command release builds what a release consists of: archives of static binaries with man
// pages and completion, packages of Debian and RPM, a list of their SHA-256, a bill of
// materials, and definitions for Homebrew and Scoop. What is built is the commit that is
// checked out; changes that are not committed play no part. The same commit gives the same
// bytes on any machine that has the same Go.
//
//	main.go      flags; what is built in which order
//	build.go     cross-compiling, and what a binary says of itself
//	archive.go   .tar.gz and .zip
//	packages.go  .deb and .rpm
//	bill.go      the bill of materials, in CycloneDX
//	install.go   Homebrew's formula and Scoop's manifest
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// targets are the systems that are built for.
var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

func main() {
	out := flag.String("o", "dist", "write to `FOLDER`, which must not exist or be empty")
	only := flag.String("only", "", "build for these alone, such as `linux/amd64,darwin/arm64`")
	flag.Parse()
	if err := run(*out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(out, only string) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", out)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	root := filepath.Join(scratch, "advparams")
	if err := checkout(root); err != nil {
		return err
	}
	r := &release{root: root, out: out, scratch: scratch}
	for _, t := range chosen {
		if err := r.build(t); err != nil {
			return fmt.Errorf("%v: %w", t, err)
		}
	}
	for _, step := range []func() error{r.manual, r.archives, r.packages, r.bill, r.formula, r.scoop, r.sums} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func choose(only string) ([]target, error) {
	if only == "" {
		return targets, nil
	}
	var chosen []target
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("%s is none of %v", name, targets)
		}
		chosen = append(chosen, targets[i])
	}
	return chosen, nil
}

// sums writes the SHA-256 of all files, as sha256sum -c reads it.
func (r *release) sums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, e := range entries {
		sum, err := digest(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%s  %s\n", sum, e.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(list.String()), 0o644)
}

func digest(path string) (string, error) {
	data, err := os.ReadFile(path)
	return fmt.Sprintf("%x", sha256.Sum256(data)), err
}
