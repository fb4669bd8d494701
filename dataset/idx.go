package dataset

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"

	"github.com/advparams/advparams/nd"
)

// The IDX format of the MNIST family: two zero bytes, an element type, the
// rank, the dimensions as big-endian uint32, and the elements, big endian in
// row-major order.

// idxName matches train-images-idx3-ubyte, t10k-labels.idx1-ubyte.gz,
// emnist-letters-test-images-idx3-ubyte and the like.
var idxName = regexp.MustCompile(`^(.*?)(train|t10k|test)[-_](images|labels)[-.]idx\d[-_]ubyte(\.gz)?$`)

// idxFiles are the names of one split's files.
type idxFiles struct{ images, labels string }

func findIDX(entries []fs.DirEntry) (map[Split]idxFiles, error) {
	found := make(map[Split]idxFiles)
	family := ""
	for _, e := range entries {
		m := idxName.FindStringSubmatch(e.Name())
		if m == nil || e.IsDir() {
			continue
		}
		if len(found) == 0 {
			family = m[1]
		}
		if m[1] != family {
			return nil, malformed("put each into a folder of its own", "several IDX data sets, such as %s and %s", family, m[1])
		}
		split := Test
		if m[2] == "train" {
			split = Train
		}
		files := found[split]
		name := &files.images
		if m[3] == "labels" {
			name = &files.labels
		}
		if *name != "" && *name+".gz" != e.Name() { // plain before its packed twin, as names sort
			return nil, fmt.Errorf("both %s and %s", *name, e.Name())
		}
		if *name == "" {
			*name = e.Name()
		}
		found[split] = files
	}
	return found, nil
}

func openIDX(folder string, splits map[Split]idxFiles, spec Spec) (source, []int, error) {
	split, err := chooseSplit(splits, spec)
	if err != nil {
		return nil, nil, err
	}
	in, err := spec.single("images")
	if err != nil {
		return nil, nil, err
	}
	files := splits[split]
	if files.images == "" {
		return nil, nil, fmt.Errorf("%s: there are no images to these labels", files.labels)
	}
	all, err := readIDX(filepath.Join(folder, files.images))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", files.images, err)
	}
	im, err := all.images(in, spec)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", files.images, err)
	}
	im.format = splitAbout("IDX", split)
	if files.labels == "" {
		return im, nil, nil
	}
	var labels []int
	read, err := readIDX(filepath.Join(folder, files.labels))
	if err == nil {
		labels, err = read.labels()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", files.labels, err)
	}
	if len(labels) != im.n {
		return nil, nil, malformed("the files do not belong together", "%d images in %s, but %d labels in %s", im.n, files.images, len(labels), files.labels)
	}
	return im, labels, nil
}

// idx is the content of one file.
type idx struct {
	kind byte
	dims []int
	data []byte
}

// idxSizes are the element types and their bytes an element.
var idxSizes = map[byte]int{
	0x08: 1, // uint8
	0x09: 1, // int8
	0x0b: 2, // int16
	0x0c: 4, // int32
	0x0d: 4, // float32
	0x0e: 8, // float64
}

func readIDX(path string) (*idx, error) {
	f, err := openData(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseIDX(f, f.size, f.packed)
}

// parseIDX reads a file whose content has the given size or, when bounded, at
// most that size.
func parseIDX(r io.Reader, size int64, bounded bool) (*idx, error) {
	r = bufio.NewReader(r)
	var start [4]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, unpackError(err)
	}
	x := &idx{kind: start[2]}
	width := idxSizes[x.kind]
	if start[0] != 0 || start[1] != 0 || width == 0 || start[3] == 0 {
		return nil, fmt.Errorf("not an IDX file: it starts with % x", start)
	}
	dims := make([]byte, 4*int(start[3]))
	if _, err := io.ReadFull(r, dims); err != nil {
		return nil, unpackError(err)
	}
	for ; len(dims) > 0; dims = dims[4:] {
		x.dims = append(x.dims, int(binary.BigEndian.Uint32(dims)))
	}
	n, err := nd.CheckedSize(x.dims)
	if err != nil {
		return nil, err
	}
	have := size - int64(4+4*len(x.dims))
	if want := int64(n); want > have/int64(width) || !bounded && want*int64(width) != have {
		if bounded {
			return nil, fmt.Errorf("its header says %v, more than a file of this size can hold", x.dims)
		}
		return nil, malformed(copyAgain, "%d bytes of elements, but its header says %v", have, x.dims)
	}
	x.data = make([]byte, n*width)
	if _, err := io.ReadFull(r, x.data); err != nil {
		return nil, unpackError(err)
	}
	switch extra, err := io.Copy(io.Discard, r); { // reads the checksum, too
	case err != nil:
		return nil, unpackError(err)
	case extra > 0:
		return nil, fmt.Errorf("%d bytes more than its header says", extra)
	}
	return x, nil
}

// images makes a source of an array of bytes [N,H,W], [N,H,W,C], [N,C,H,W] or
// [N,F], for C of 1 or 3.
func (x *idx) images(in Input, spec Spec) (*images, error) {
	if x.kind != 0x08 {
		return nil, malformed(useNPZ, "elements are of type 0x%02x, but images are unsigned bytes (0x08)", x.kind)
	}
	g, interleaved := geometry{}, false
	switch d := x.dims; {
	case len(d) == 2:
		g = geometry{1, 1, d[1]}
	case len(d) == 3:
		g = geometry{1, d[1], d[2]}
	case len(d) == 4 && (d[3] == 1 || d[3] == 3):
		g, interleaved = geometry{d[3], d[1], d[2]}, true
	case len(d) == 4 && (d[1] == 1 || d[1] == 3):
		g = geometry{d[1], d[2], d[3]}
	default:
		return nil, fmt.Errorf("an array %v does not hold grey or RGB images", d)
	}
	if g.size() == 0 {
		return nil, fmt.Errorf("an array %v holds no pixels", x.dims)
	}
	im, err := stored(in, g, interleaved, spec, func(row int) ([]byte, error) {
		return x.data[row*g.size() : (row+1)*g.size()], nil
	})
	if err != nil {
		return nil, err
	}
	im.n = x.dims[0]
	return im, nil
}

// labels decodes an integer array [N].
func (x *idx) labels() ([]int, error) {
	if len(x.dims) != 1 {
		return nil, fmt.Errorf("an array %v does not hold one label a sample", x.dims)
	}
	labels := make([]int, x.dims[0])
	for i := range labels {
		switch x.kind {
		case 0x08:
			labels[i] = int(x.data[i])
		case 0x09:
			labels[i] = int(int8(x.data[i]))
		case 0x0b:
			labels[i] = int(int16(binary.BigEndian.Uint16(x.data[2*i:])))
		case 0x0c:
			labels[i] = int(int32(binary.BigEndian.Uint32(x.data[4*i:])))
		default:
			return nil, errors.New("labels are not integers")
		}
	}
	return labels, nil
}
