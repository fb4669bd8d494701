package onnxio

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// The vectors in testdata/vectors are for every program that reads models or
// keys; its README describes index.json. Those of this package are made by
// vectors_cases_test.go:
//
//	go test ./onnxio -run TestVectors -update

var update = flag.Bool("update", false, "write testdata/vectors again")

var vectorsDir = filepath.Join("..", "testdata", "vectors")

// vector is an entry of index.json.
type vector struct {
	File         string                  `json:"file"`
	Kind         string                  `json:"kind"`
	About        string                  `json:"about"`
	Error        string                  `json:"error,omitempty"`
	Initializers map[string]vectorTensor `json:"initializers,omitempty"`
}

// vectorTensor is what a reader must find.
type vectorTensor struct {
	Type   string `json:"type"`
	Dims   []int  `json:"dims"`
	SHA256 string `json:"sha256"` // of the elements as little-endian bytes
}

type vectorIndex struct {
	Version int      `json:"version"`
	Vectors []vector `json:"vectors"`
}

func readIndex(t *testing.T) vectorIndex {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectorsDir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index vectorIndex
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&index); err != nil {
		t.Fatal(err)
	}
	return index
}

// ours reports whether a vector is about reading models.
func (v vector) ours() bool { return v.Kind == "onnx" || v.Kind == "external" }

// TestVectors opens every vector about models, and checks that the committed
// files are those that the cases stand for.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	index := readIndex(t)
	listed := map[string]bool{}
	for _, v := range index.Vectors {
		if listed[v.File] = true; !v.ours() {
			continue
		}
		t.Run(v.File, func(t *testing.T) {
			m, err := Open(filepath.Join(vectorsDir, filepath.FromSlash(v.File)))
			if v.Error != "" {
				f, is := errors.AsType[*MalformedError](err)
				if !is || string(f.Class) != v.Error || !errors.Is(err, Malformed(v.Error)) {
					t.Fatalf("%s: error %v, want one of class %s", v.About, err, v.Error)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", v.About, err)
			}
			defer m.Close()
			if got := describeInitializers(t, m); !equalJSON(got, v.Initializers) {
				t.Errorf("initializers %v, want %v", got, v.Initializers)
			}
		})
	}
	for _, c := range vectorCases() {
		for name, data := range c.files {
			got, err := os.ReadFile(filepath.Join(vectorsDir, filepath.FromSlash(name)))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s is not what its case makes (%v): run this test with -update", name, err)
			}
		}
		if !listed[c.File] {
			t.Errorf("%s is not in index.json: run this test with -update", c.File)
		}
	}
}

// Every way of being malformed has a vector; models that are too large would make
// large files (TestMessageLimit, TestStructureLimit).
func TestVectorsCoverClasses(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "malformed.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var classes []string
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				class, _ := strconv.Unquote(lit.Value)
				classes = append(classes, class)
			}
		}
		return true
	})
	if len(classes) < 30 {
		t.Fatalf("found only %q", classes)
	}
	covered := map[string]bool{string(TooLarge): true}
	for _, v := range readIndex(t).Vectors {
		if v.ours() && v.Error != "" {
			if covered[v.Error] = true; !slices.Contains(classes, v.Error) {
				t.Errorf("%s: no class %q", v.File, v.Error)
			}
		}
	}
	for _, c := range classes {
		if !covered[c] {
			t.Errorf("no vector for %q", c)
		}
	}
}

func describeInitializers(t *testing.T, m *Model) map[string]vectorTensor {
	t.Helper()
	out := map[string]vectorTensor{}
	for _, x := range m.Initializers() {
		h := sha256.New()
		for i := range x.Len() {
			b := x.Bits(i)
			for range max(1, x.elem.bits/8) {
				h.Write([]byte{byte(b)})
				b >>= 8
			}
		}
		out[x.Name] = vectorTensor{x.DataType.String(), append([]int{}, x.Dims...), hex.EncodeToString(h.Sum(nil))}
	}
	return out
}

func equalJSON(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// writeVectors writes the files, and their entries of index.json. Other entries,
// about keys or batches, stay.
func writeVectors(t *testing.T) {
	t.Helper()
	index := vectorIndex{Version: 1}
	if _, err := os.Stat(filepath.Join(vectorsDir, "index.json")); err == nil {
		index = readIndex(t)
		index.Vectors = slices.DeleteFunc(index.Vectors, vector.ours)
	}
	for _, kind := range []string{"onnx", "external"} {
		if err := os.RemoveAll(filepath.Join(vectorsDir, kind)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range vectorCases() {
		for name, data := range c.files {
			name = filepath.Join(vectorsDir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if c.Error == "" {
			m, err := Open(filepath.Join(vectorsDir, filepath.FromSlash(c.File)))
			if err != nil {
				t.Fatal(err)
			}
			c.Initializers = describeInitializers(t, m)
			m.Close()
		}
		index.Vectors = append(index.Vectors, c.vector)
	}
	slices.SortFunc(index.Vectors, func(a, b vector) int { return bytes.Compare([]byte(a.File), []byte(b.File)) })
	data, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(vectorsDir, "index.json"), append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// vectorCase is a vector with the files that it consists of.
type vectorCase struct {
	vector
	files map[string][]byte // by path in testdata/vectors
}

// refused is a model that must be refused.
func refused(class Malformed, name, about string, model []byte) vectorCase {
	file := path.Join("onnx", name+".onnx")
	return vectorCase{vector{File: file, Kind: "onnx", About: about, Error: string(class)}, map[string][]byte{file: model}}
}

// accepted is a model that must be read.
func accepted(name, about string, model []byte) vectorCase {
	c := refused("", name, about, model)
	c.File = path.Join("onnx", name+".onnx")
	return c
}

// withData is a model that lies beside data files, given as name and content.
func withData(class Malformed, name, about string, model []byte, files ...any) vectorCase {
	folder := path.Join("external", name)
	c := vectorCase{vector{File: path.Join(folder, "model.onnx"), Kind: "external", About: about, Error: string(class)}, map[string][]byte{}}
	c.files[c.File] = model
	for i := 0; i < len(files); i += 2 {
		c.files[path.Join(folder, files[i].(string))] = files[i+1].([]byte)
	}
	return c
}
