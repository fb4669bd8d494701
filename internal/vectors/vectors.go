// Package vectors reads the indexes of testdata/vectors/keys and
// testdata/vectors/damaged-keys, for tests.
package vectors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// An Index lists the vectors of a folder. It is the file index.json in it.
type Index struct {
	Version int      `json:"version"`
	Vectors []Vector `json:"vectors"`
}

// Version is the version of indexes that this package reads.
const Version = 2

// A Vector is a locked model, a key, and what unlocking has to give. Paths are relative
// to the folder of the index. README.md in testdata/vectors explains the fields.
type Vector struct {
	Name       string `json:"name"`
	About      string `json:"about"`
	Format     int    `json:"format,omitempty"`
	Locked     string `json:"locked"`
	Key        string `json:"key"`
	Identity   string `json:"identity,omitempty"`
	Passphrase string `json:"passphrase,omitempty"`
	Needs      string `json:"needs,omitempty"`
	Error      string `json:"error,omitempty"`
	Files      []File `json:"files,omitempty"`
}

// A File is a file before and after.
type File struct {
	Locked   string `json:"locked"`
	Original string `json:"original"`
	Size     int64  `json:"size"`   // of the original
	SHA256   string `json:"sha256"` // of the original, in hexadecimal
}

// Folders are the folders of testdata/vectors that have an index of this kind.
var Folders = []string{"keys", "damaged-keys"}

// Read returns the vectors of all Folders of testdata/vectors, at a path to it, with
// paths that can be opened. Names begin with the folder.
func Read(root string) ([]Vector, error) {
	var all []Vector
	for _, folder := range Folders {
		dir := filepath.Join(root, folder)
		data, err := os.ReadFile(filepath.Join(dir, "index.json"))
		if err != nil {
			return nil, err
		}
		var index Index
		read := json.NewDecoder(bytes.NewReader(data))
		read.DisallowUnknownFields()
		if err := read.Decode(&index); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		if index.Version != Version {
			return nil, fmt.Errorf("%s: index of version %d", dir, index.Version)
		}
		for _, v := range index.Vectors {
			v.Name = folder + "/" + v.Name
			for _, path := range []*string{&v.Locked, &v.Key, &v.Identity} {
				if *path != "" {
					*path = filepath.Join(dir, filepath.FromSlash(*path))
				}
			}
			all = append(all, v)
		}
	}
	return all, nil
}

// Marshal returns the text of an index.
func Marshal(list []Vector) ([]byte, error) {
	text, err := json.MarshalIndent(Index{Version, list}, "", "  ")
	return append(text, '\n'), err
}
