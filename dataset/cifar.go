package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
)

// The binary version of CIFAR: records of one label byte (CIFAR-10) or a
// coarse and a fine one (CIFAR-100, of which the fine is used), then 32×32
// pixels, all red, all green, all blue.

var cifarGeometry = geometry{3, 32, 32}

const cifarMaxFile = 1 << 30 // unpacked; the real ones have up to 154 MB

var cifarName = regexp.MustCompile(`^(?:data_batch_(\d+)|(test_batch)|(train|test))\.bin(?:\.gz)?$`)

// cifarFiles is one split: its files in order and the format of its records.
type cifarFiles struct {
	names   []string
	classes int // 10 or 100
}

func findCIFAR(entries []fs.DirEntry) map[Split]cifarFiles {
	found := make(map[Split]cifarFiles)
	order := make(map[string]int) // of the training batches; 10 comes after 9
	for _, e := range entries {
		m := cifarName.FindStringSubmatch(e.Name())
		if m == nil || e.IsDir() {
			continue
		}
		split, classes := Train, 10
		if m[2] != "" || m[3] == "test" {
			split = Test
		}
		if m[3] != "" {
			classes = 100
		}
		number, _ := strconv.Atoi(m[1])
		files := found[split]
		at := len(files.names)
		for at > 0 && order[files.names[at-1]] > number {
			at--
		}
		if at > 0 && files.names[at-1]+".gz" == e.Name() {
			continue // the packed twin of a plain file
		}
		order[e.Name()] = number
		files.names = append(files.names[:at], append([]string{e.Name()}, files.names[at:]...)...)
		files.classes = classes
		found[split] = files
	}
	return found
}

func openCIFAR(folder string, splits map[Split]cifarFiles, spec Spec) (source, []int, error) {
	split, err := chooseSplit(splits, spec)
	if err != nil {
		return nil, nil, err
	}
	in, err := spec.single("images")
	if err != nil {
		return nil, nil, err
	}
	var records [][]byte
	im, err := stored(in, cifarGeometry, false, spec, func(row int) ([]byte, error) { return records[row], nil })
	if err != nil {
		return nil, nil, err
	}
	files := splits[split]
	im.format = splitAbout(fmt.Sprintf("CIFAR-%d", files.classes), split)
	var labels []int
	for _, name := range files.names {
		pixels, read, err := readCIFAR(filepath.Join(folder, name), files.classes)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		records = append(records, pixels...)
		labels = append(labels, read...)
	}
	im.n = len(records)
	return im, labels, nil
}

func readCIFAR(path string, classes int) ([][]byte, []int, error) {
	f, err := openData(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, cifarMaxFile+1))
	if err != nil {
		return nil, nil, unpackError(err)
	}
	return parseCIFAR(data, classes)
}

// parseCIFAR splits a file into the pixels and the label of each record.
func parseCIFAR(data []byte, classes int) (pixels [][]byte, labels []int, err error) {
	label := 0 // its position in the record
	if classes == 100 {
		label = 1
	}
	record := label + 1 + cifarGeometry.size()
	switch {
	case len(data) > cifarMaxFile:
		return nil, nil, errors.New("too large for a CIFAR file")
	case len(data) == 0:
		return nil, nil, errors.New("empty file")
	case len(data)%record != 0:
		return nil, nil, malformed(copyAgain, "%d bytes are not a whole number of CIFAR-%d records of %d bytes", len(data), classes, record)
	}
	for i := 0; len(data) > 0; i++ {
		if int(data[label]) >= classes {
			return nil, nil, fmt.Errorf("record %d has label %d: not a CIFAR-%d file", i, data[label], classes)
		}
		labels = append(labels, int(data[label]))
		pixels = append(pixels, data[label+1:record:record])
		data = data[record:]
	}
	return pixels, labels, nil
}
