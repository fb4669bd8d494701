// Package models holds a small trained model and the data to try it on, in the
// binary, so that everything can be seen at work without finding a model first.
//
// The model reads hexadecimal digits of the Go fonts in bad quality, drawn by
// package models/glyphs: 28×28 grey pixels, 16 classes. In ONNX terms (opset
// 17) it takes float32 input [batch,1,28,28] in [0,1], which is pixels/255, and
// gives float32 logits [batch,16], through Conv with Relu (plain, strided,
// depthwise, pointwise and in a residual block), MaxPool, GlobalAveragePool and
// Gemm. train.py trained it in PyTorch on 24,000 samples and makes model and
// data again. It is right on [Accuracy] of the 4,000 test samples.
//
// With the test samples come the first 2,000 of the training samples: enough to
// calibrate a lock, and a small share of the data such as an attacker may have.
package models

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

//go:generate go run ./glyphs/cmd/glyphs -dir data -train 2000 -test 4000

//go:embed glyphs.onnx
var model []byte

//go:embed data/*.gz
var data embed.FS

// What [Install] writes: an ONNX file, and a folder of IDX files for the splits
// train and t10k.
const (
	ModelFile  = "glyphs.onnx"
	DataFolder = "data"
)

// What the embedded model is like.
const (
	Parameters = 45_200
	Accuracy   = 3887.0 / 4000 // in onnxruntime 1.32 on x86-64
)

// Model returns the ONNX file. The caller may change the bytes.
func Model() []byte { return bytes.Clone(model) }

// Classes returns the names of the classes, in the order of the logits.
func Classes() []string { return strings.Split("0123456789ABCDEF", "") }

// Install writes [ModelFile] and [DataFolder] below dir, which it makes if need be, all of
// them or none. Unless force is set it replaces no file, and writes nothing if one of
// products is there already: the paths of files that are going to be made from these.
func Install(dir string, force bool, products ...string) error {
	out, probe := atomicfile.Set{Force: force}, atomicfile.Set{Force: force}
	defer out.Abort()
	defer probe.Abort()
	if err := out.MkdirAll(filepath.Join(dir, DataFolder)); err != nil {
		return err
	}
	if err := write(&out, filepath.Join(dir, ModelFile), model); err != nil {
		return err
	}
	files, err := data.ReadDir(DataFolder)
	if err != nil {
		return err
	}
	for _, f := range files {
		content, err := fs.ReadFile(data, DataFolder+"/"+f.Name())
		if err != nil {
			return err
		}
		if err := write(&out, filepath.Join(dir, DataFolder, f.Name()), content); err != nil {
			return err
		}
	}
	for _, path := range products {
		if _, err := probe.Create(path); err != nil {
			return err
		}
	}
	return out.Commit()
}

func write(out *atomicfile.Set, path string, content []byte) error {
	f, err := out.Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
