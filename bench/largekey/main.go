// Command largekey changes many elements of a model and writes the key that brings them
// back, in clear. Searches change a few; a key of this kind and size shows what unlocking
// costs (bench/sealed.py keys).
//
//	go run ./bench/largekey -changes 4000000 model.onnx locked/model.onnx locked/key
package main

import (
	"flag"
	"log"
	"os"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

func main() {
	log.SetFlags(0)
	changes := flag.Int("changes", 1, "how many elements to change, `N`, spread evenly over all tensors")
	flag.Parse()
	if flag.NArg() != 3 {
		log.Fatal("usage: largekey [-changes N] MODEL.onnx LOCKED.onnx KEY")
	}
	if err := run(flag.Arg(0), flag.Arg(1), flag.Arg(2), *changes); err != nil {
		log.Fatal(err)
	}
}

func run(model, locked, keyPath string, changes int) error {
	m, err := onnxio.Open(model)
	if err != nil {
		return err
	}
	defer m.Close()
	var edits []onnxio.Edit
	total, seen := 0, 0
	for _, t := range m.Initializers() {
		total += t.Len()
	}
	for _, t := range m.Initializers() {
		for ; len(edits) < changes; seen++ {
			at := int(float64(seen) * float64(total) / float64(changes))
			i := at - done(m, t)
			if i >= t.Len() {
				break
			}
			edits = append(edits, onnxio.Edit{Tensor: t.Name, Index: i, Bits: t.Bits(i) ^ uint64(1+seen*7919%8191)})
		}
	}
	var out atomicfile.Set
	defer out.Abort()
	record, err := m.Rewrite(&out, locked, edits)
	if err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	f, err := os.Create(keyPath)
	if err != nil {
		return err
	}
	if err := key.WritePlain(f, &key.Key{Record: *record}); err != nil {
		return err
	}
	return f.Close()
}

// done returns how many elements the tensors before t have.
func done(m *onnxio.Model, t *onnxio.Initializer) (n int) {
	for _, u := range m.Initializers() {
		if u == t {
			break
		}
		n += u.Len()
	}
	return n
}
