package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// entry is a file of an archive.
type entry struct {
	name string // in the archive
	path string
	mode fs.FileMode
}

// archives writes an archive for each system.
func (r *release) archives() error {
	r.archive = map[target]string{}
	for _, t := range r.built {
		name := fmt.Sprintf("advparams_%s_%s_%s", r.version, t.os, t.arch)
		list, err := r.contents(t, name)
		if err != nil {
			return err
		}
		pack, extension := tarball, ".tar.gz"
		if t.os == "windows" {
			pack, extension = zipped, ".zip"
		}
		data, err := pack(list, r.date)
		if err != nil {
			return err
		}
		r.archive[t] = name + extension
		if err := os.WriteFile(filepath.Join(r.out, name+extension), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// contents lists what an archive holds, below a folder.
func (r *release) contents(t target, folder string) ([]entry, error) {
	list := []entry{{path.Join(folder, t.program()), r.binary(t), 0o755}}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md", "THREAT-MODEL.md"} {
		list = append(list, entry{path.Join(folder, name), filepath.Join(r.root, name), 0o644})
	}
	err := filepath.WalkDir(r.shared, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		inside, err := filepath.Rel(r.shared, file)
		list = append(list, entry{path.Join(folder, filepath.ToSlash(inside)), file, 0o644})
		return err
	})
	return list, err
}

func tarball(list []entry, date time.Time) ([]byte, error) {
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	for _, e := range list {
		data, err := os.ReadFile(e.path)
		if err != nil {
			return nil, err
		}
		h := &tar.Header{Name: e.name, Mode: int64(e.mode), Size: int64(len(data)), ModTime: date, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(data); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	return gzipped(out.Bytes())
}

func zipped(list []entry, date time.Time) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, e := range list {
		data, err := os.ReadFile(e.path)
		if err != nil {
			return nil, err
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: date}
		h.SetMode(e.mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

func gzipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}
