package glyphs

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// Files returns the names of a split's images and labels, as MNIST has them.
func (s Split) Files() (images, labels string) {
	prefix := "train"
	if s == Test {
		prefix = "t10k"
	}
	return prefix + "-images-idx3-ubyte.gz", prefix + "-labels-idx1-ubyte.gz"
}

// WriteFiles writes the set as two gzipped IDX files of unsigned bytes into a
// folder that exists: images [n, Size, Size] and labels [n]. It replaces what
// is there.
func (s *Set) WriteFiles(dir string, split Split) error {
	images, labels := split.Files()
	n := len(s.Labels)
	if err := writeIDX(filepath.Join(dir, images), s.Images, n, Size, Size); err != nil {
		return err
	}
	return writeIDX(filepath.Join(dir, labels), s.Labels, n)
}

// writeIDX writes the header (two zero bytes, 8 for unsigned byte, the rank,
// then big-endian uint32 dimensions) and the elements.
func writeIDX(path string, data []byte, dims ...int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	header := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		header = binary.BigEndian.AppendUint32(header, uint32(d))
	}
	// Noise does not repeat itself: looking for matches makes larger files.
	z, err := gzip.NewWriterLevel(f, gzip.HuffmanOnly)
	if err != nil {
		return err
	}
	if _, err := z.Write(append(header, data...)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return z.Close()
}
