package atomicfile_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	var out atomicfile.Set
	defer out.Abort()
	for _, name := range []string{"locked.onnx", "locked.onnx.key"} {
		f, err := out.Create(filepath.Join(dir, name))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Fprintln(f, "content of", name)
	}
	if err := out.Commit(); err != nil {
		fmt.Println(err)
		return
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		fmt.Println(e.Name())
	}
	// Output:
	// locked.onnx
	// locked.onnx.key
}
