package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/nd"
)

// A folder of WAV files is laid out as an image folder. Sounds longer than the model's input
// give their beginning, shorter ones are followed by silence. They are not resampled: models
// are trained at one rate, and so are all files here.

// sounds is a source of WAV files.
type sounds struct {
	input   Input
	root    string
	files   []imageFile
	length  int // of a sample
	rate    int
	classes []string
	format  string
}

func openSounds(root string, splits map[Split]imageSplit, spec Spec) (source, []int, error) {
	chosen, err := chooseSplit(splits, spec)
	if err != nil {
		return nil, nil, err
	}
	if spec.Preprocess.shapes() || spec.Preprocess.values() {
		return nil, nil, malformed("leave it out: sounds are numbers from -1 to 1", "preprocessing applies to images only")
	}
	in, err := spec.single("sounds")
	if err != nil {
		return nil, nil, err
	}
	if in.DType != 0 && in.DType != nd.Float32 || in.Shape != nil && (len(in.Shape) < 2 || len(in.Shape) > 3 || len(in.Shape) == 3 && in.Shape[1] != 1 && in.Shape[1] >= 0) {
		return nil, nil, malformed(useNPZ, "input %q, %s, does not take sounds, [N,T] or [N,1,T]", in.Name, shapeText(in.Shape))
	}
	split, files, err := splits[chosen].open(root, spec)
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("no wav file in %s", split.folder)
	}
	s := &sounds{input: in, root: root, files: files, classes: split.classes, length: -1}
	first, err := s.read(0)
	if err != nil {
		return nil, nil, err
	}
	s.rate = first.rate
	if in.Shape != nil {
		s.length = in.Shape[len(in.Shape)-1]
	}
	if s.length < 0 {
		s.length = len(first.samples)
	}
	if s.length == 0 {
		return nil, nil, fmt.Errorf("%s: no sound in it", files[0].path)
	}
	s.format = fmt.Sprintf("%s, %d samples at %d Hz", splitAbout("sound folder", chosen), s.length, s.rate)
	if split.classes == nil {
		return s, nil, nil
	}
	s.format += ", " + counted(len(split.classes), "class", "classes")
	return s, classesIn(files), nil
}

// read reads a file.
func (s *sounds) read(row int) (*wave, error) {
	name := s.files[row].path
	f, err := os.Open(filepath.Join(s.root, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errors.Unwrap(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxImageFile+1))
	if err == nil && len(data) > maxImageFile {
		err = errors.New("too large for a sound")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	w, err := parseWAV(data)
	if err != nil {
		return nil, &FormatError{Problem: name, Err: err, Advice: "remove or replace the file; WAV with PCM or floats can be read"}
	}
	return w, nil
}

func (s *sounds) len() int            { return len(s.files) }
func (s *sounds) about() string       { return s.format }
func (s *sounds) name(row int) string { return s.files[row].path }

func (s *sounds) batch(rows []int) (map[string]nd.Array, error) {
	out := make([]float32, len(rows)*s.length)
	for i, row := range rows {
		w, err := s.read(row)
		if err != nil {
			return nil, err
		}
		if w.rate != s.rate {
			return nil, malformed("resample the files to the rate of the model", "%s has %d samples a second, %s has %d", s.files[row].path, w.rate, s.files[0].path, s.rate)
		}
		copy(out[i*s.length:(i+1)*s.length], w.samples)
	}
	shape := []int{len(rows), s.length}
	if len(s.input.Shape) == 3 {
		shape = []int{len(rows), 1, s.length}
	}
	return map[string]nd.Array{s.input.Name: nd.Of(out, shape...)}, nil
}
