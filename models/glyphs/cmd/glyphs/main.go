// Glyphs writes the demo's data set as IDX files, byte for byte the same from
// the same seed.
//
// Usage: glyphs [-dir DIR] [-train N] [-test N] [-seed N]
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/advparams/advparams/models/glyphs"
)

func main() {
	dir := flag.String("dir", ".", "`folder` to write to; made if need be")
	train := flag.Int("train", 2000, "training `samples`; none for 0")
	test := flag.Int("test", 4000, "test `samples`; none for 0")
	seed := flag.Uint64("seed", 1, "`number` that decides everything")
	flag.Parse()
	if err := write(*dir, *seed, map[glyphs.Split]int{glyphs.Train: *train, glyphs.Test: *test}); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(dir string, seed uint64, counts map[glyphs.Split]int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for split, n := range counts {
		if n == 0 {
			continue
		}
		set, err := glyphs.Draw(seed, split, n)
		if err != nil {
			return err
		}
		if err := set.WriteFiles(dir, split); err != nil {
			return err
		}
	}
	return nil
}
