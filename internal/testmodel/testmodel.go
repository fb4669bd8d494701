// Package testmodel opens models that tests make from messages, and the demo.
package testmodel

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Open writes p to a temporary file and opens it; the test closes it.
func Open(t testing.TB, p *onnxpb.ModelProto) *onnxio.Model {
	t.Helper()
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

// Demo writes the embedded demo to a temporary folder and opens its model; the
// test closes it.
func Demo(t testing.TB) (m *onnxio.Model, dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := models.Install(dir, false); err != nil {
		t.Fatal(err)
	}
	return open(t, filepath.Join(dir, models.ModelFile)), dir
}

func open(t testing.TB, path string) *onnxio.Model {
	t.Helper()
	m, err := onnxio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}
