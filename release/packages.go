package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers itself
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers itself
)

// packages writes packages for Debian and for systems with RPM.
func (r *release) packages() error {
	for _, t := range r.built {
		if t.os != "linux" {
			continue
		}
		for _, format := range []string{"deb", "rpm"} {
			if err := r.pack(t, format); err != nil {
				return fmt.Errorf("%v, %s: %w", t, format, err)
			}
		}
	}
	return nil
}

func (r *release) pack(t target, format string) error {
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "advparams", Arch: t.arch, Platform: t.os, Version: r.version, VersionSchema: "semver",
		Section: "science", Priority: "optional", Maintainer: "AdvParams <advparams@users.noreply.github.com>",
		Description: "locks neural networks in ONNX files with a key\n advparams makes a trained model useless to whoever has the file, and gives it\n back, bit for bit, to whoever has the key.",
		Homepage:    "https://github.com/advparams/advparams", License: "Apache-2.0", MTime: r.date, DisableGlobbing: true,
	})
	info.RPM.BuildHost = "localhost" // rather than the name of the machine
	add := func(from, to string, mode fs.FileMode) {
		info.Contents = append(info.Contents, &files.Content{
			Source: from, Destination: to,
			FileInfo: &files.ContentFileInfo{Mode: mode, MTime: r.date, Owner: "root", Group: "root"},
		})
	}
	add(r.binary(t), "/usr/bin/advparams", 0o755)
	pages, err := filepath.Glob(filepath.Join(r.shared, "man", "man1", "*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		packed, err := r.compressed(page)
		if err != nil {
			return err
		}
		add(packed, "/usr/share/man/man1/"+filepath.Base(packed), 0o644)
	}
	completions := filepath.Join(r.shared, "completions")
	add(filepath.Join(completions, "advparams.bash"), "/usr/share/bash-completion/completions/advparams", 0o644)
	add(filepath.Join(completions, "_advparams"), "/usr/share/zsh/vendor-completions/_advparams", 0o644)
	add(filepath.Join(completions, "advparams.fish"), "/usr/share/fish/vendor_completions.d/advparams.fish", 0o644)
	add(filepath.Join(r.root, "LICENSE"), "/usr/share/doc/advparams/copyright", 0o644)
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(r.out, packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := packager.Package(info, f); err != nil {
		return err
	}
	return f.Close()
}

// compressed returns a file packed with gzip, as man pages are installed.
func (r *release) compressed(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	to := filepath.Join(r.scratch, strings.TrimSuffix(filepath.Base(path), ".gz")+".gz")
	packed, err := gzipped(data)
	if err != nil {
		return "", err
	}
	return to, os.WriteFile(to, packed, 0o644)
}
