package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// openFolder tells from the names in a folder what it holds.
func openFolder(path string, spec Spec) (source, []int, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, nil, errors.Unwrap(err)
	}
	idx, err := findIDX(entries)
	if err != nil {
		return nil, nil, err
	}
	cifar := findCIFAR(entries)
	switch {
	case len(idx) > 0 && len(cifar) > 0:
		return nil, nil, malformed("put each data set into a folder of its own", "both IDX and CIFAR files")
	case len(idx) > 0:
		return openIDX(path, idx, spec)
	case len(cifar) > 0:
		return openCIFAR(path, cifar, spec)
	}
	if parts := findCOCO(path); len(parts) > 0 {
		return openCOCOParts(parts, spec)
	}
	if parts, err := findYOLO(path, spec); err != nil || len(parts) > 0 {
		if err != nil {
			return nil, nil, err
		}
		return openYOLOParts(parts, spec)
	}
	images, err := findFiles(path, isImage)
	if err != nil {
		return nil, nil, err
	}
	if holds(path, images) {
		return openImages(path, images, spec)
	}
	sounds, err := findFiles(path, isWAV)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case holds(path, sounds):
		return openSounds(path, sounds, spec)
	case len(images) > 0:
		return openImages(path, images, spec) // which says what is missing
	}
	if len(entries) == 0 {
		return nil, nil, malformed("give a folder with a sub-folder of images or WAV files for each class, or with IDX or CIFAR files", "empty folder")
	}
	for _, e := range entries {
		if e.Name() == "data_batch_1" || e.Name() == "batches.meta" {
			return nil, nil, malformed("download the binary version", "CIFAR as pickled Python objects")
		}
	}
	return nil, nil, malformed("looked for IDX files (train-images-idx3-ubyte…), CIFAR binary files (data_batch_1.bin…, train.bin) and sub-folders of png, jpeg or gif images or of wav files, one per class, and YOLO's or COCO's labels beside images", "no data set in this folder")
}

// chooseSplit picks the part to read from those that are there. A data set
// that is not split has the single part "".
func chooseSplit[T any](parts map[Split]T, spec Spec) (Split, error) {
	want := spec.Split
	if want == "" {
		want = spec.DefaultSplit
	}
	if _, ok := parts[want]; ok {
		return want, nil
	}
	if spec.Split != "" {
		if _, whole := parts[""]; whole {
			return "", &SplitError{want, "folder"}
		}
		return "", fmt.Errorf("no %s split", want)
	}
	for _, other := range []Split{Train, Test, ""} {
		if _, ok := parts[other]; ok {
			return other, nil
		}
	}
	return "", errors.New("no data")
}

// splitAbout is a phrase for Describe.
func splitAbout(format string, s Split) string {
	if s == "" {
		return format
	}
	return fmt.Sprintf("%s, %s split", format, s)
}

// deflateRatio is the most that deflate can pack. It turns a file's size into
// a bound on what is in it, so that a lie about it is caught before the lie is
// allocated.
const deflateRatio = 1032

// dataFile is a file that may be packed with gzip.
type dataFile struct {
	io.Reader
	file   *os.File
	size   int64 // of the content; of a packed file, the most it can be
	packed bool
}

func openData(path string) (*dataFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	d, err := newDataFile(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

func newDataFile(f *os.File) (*dataFile, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	buffered := bufio.NewReader(f)
	d := &dataFile{Reader: buffered, file: f, size: info.Size()}
	if magic, _ := buffered.Peek(2); string(magic) != "\x1f\x8b" {
		return d, nil
	}
	unpacked, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, unpackError(err)
	}
	d.Reader, d.size, d.packed = unpacked, d.size*deflateRatio, true
	return d, nil
}

func (d *dataFile) Close() error { return d.file.Close() }

// unpackError says in plain words what gzip and flate report.
func unpackError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return &FormatError{Problem: "damaged", Err: err, Advice: copyAgain}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return malformed(copyAgain, "truncated")
	}
	return err
}

// hidden reports names that file managers and version control leave behind.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "__")
}
