package dataset

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wavFile returns a WAV file.
func wavFile(code, channels, rate, bits int, data []byte, extra ...byte) []byte {
	format := binary.LittleEndian.AppendUint16(nil, uint16(code))
	format = binary.LittleEndian.AppendUint16(format, uint16(channels))
	format = binary.LittleEndian.AppendUint32(format, uint32(rate))
	format = binary.LittleEndian.AppendUint32(format, uint32(rate*channels*bits/8))
	format = binary.LittleEndian.AppendUint16(format, uint16(channels*bits/8))
	format = binary.LittleEndian.AppendUint16(format, uint16(bits))
	format = append(format, extra...)
	chunk := func(name string, body []byte) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body))), body...)
	}
	body := slices.Concat([]byte("WAVE"), chunk("LIST", []byte("odd")), []byte{0}, chunk("fmt ", format), chunk("data", data))
	return chunk("RIFF", body)
}

func TestParseWAV(t *testing.T) {
	float := func(v ...float32) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		return b
	}
	double := binary.LittleEndian.AppendUint64(nil, math.Float64bits(-0.125))
	for name, tt := range map[string]struct {
		file []byte
		want []float32
	}{
		"8":          {wavFile(wavPCM, 1, 8000, 8, []byte{0, 128, 192}), []float32{-1, 0, 0.5}},
		"16":         {wavFile(wavPCM, 1, 8000, 16, []byte{0, 0x80, 0, 0x40}), []float32{-1, 0.5}},
		"16 stereo":  {wavFile(wavPCM, 2, 8000, 16, []byte{0, 0x80, 0, 0x40, 0, 0x20, 0, 0x20, 1}), []float32{-0.25, 0.25}},
		"24":         {wavFile(wavPCM, 1, 8000, 24, []byte{0, 0, 0xc0, 0, 0, 0x20}), []float32{-0.5, 0.25}},
		"32":         {wavFile(wavPCM, 1, 8000, 32, []byte{0, 0, 0, 0xc0}), []float32{-0.5}},
		"float":      {wavFile(wavFloat, 1, 8000, 32, float(0.75, -2)), []float32{0.75, -2}},
		"double":     {wavFile(wavFloat, 1, 8000, 64, double), []float32{-0.125}},
		"extensible": {wavFile(wavExtensible, 1, 8000, 32, float(0.75), 22, 0, 32, 0, 0, 0, 0, 0, wavFloat, 0, 0, 0), []float32{0.75}},
	} {
		w, err := parseWAV(tt.file)
		if err != nil || w.rate != 8000 || !slices.Equal(w.samples, tt.want) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	good := wavFile(wavPCM, 1, 8000, 16, []byte{1, 2, 3, 4})
	if w, err := parseWAV(good[:len(good)-2]); err != nil || len(w.samples) != 1 {
		t.Errorf("cut off in the samples: %+v, %v", w, err)
	}
	for name, tt := range map[string]struct {
		file []byte
		want string
	}{
		"empty":    {nil, "not a WAV file"},
		"other":    {[]byte("OggS and more of it"), "not a WAV file"},
		"no data":  {good[:48], "no samples"},
		"cut":      {good[:40], "the chunk \"fmt \" is cut off"},
		"law":      {wavFile(7, 1, 8000, 8, []byte{1}), "format 7 with 8 bits"},
		"channels": {wavFile(wavPCM, 0, 8000, 16, nil), "0 channels"},
		"rate":     {wavFile(wavPCM, 1, 0, 16, nil), "at 0 samples a second"},
	} {
		if _, err := parseWAV(tt.file); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestSoundFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("no/a.wav", wavFile(wavPCM, 1, 16000, 16, []byte{0, 0x40, 0, 0x20, 0, 0x10}))
	put("yes/b.WAV", wavFile(wavPCM, 1, 16000, 16, []byte{0, 0xc0}))
	spec := Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, 1, 2}}}, NeedLabels: true}
	s, err := Open(dir, spec)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := s.Batch(0, 2)
	if err != nil {
		t.Fatal(err)
	}
	if x := batch["x"]; !slices.Equal(x.Shape, []int{2, 1, 2}) || !slices.Equal(x.Float32s(), []float32{0.5, 0.25, -0.5, 0}) {
		t.Errorf("%v", x)
	}
	if !slices.Equal(s.Labels(), []int{0, 1}) || !slices.Equal(s.ClassNames(), []string{"no", "yes"}) || !strings.Contains(s.Describe(), "2 samples at 16000 Hz, 2 classes") {
		t.Errorf("%v %v %s", s.Labels(), s.ClassNames(), s.Describe())
	}
	for name, tt := range map[string]struct {
		shape []int
		p     Preprocess
		want  string
	}{
		"images":     {[]int{-1, 3, 8, 8}, Preprocess{}, "does not take sounds"},
		"preprocess": {[]int{-1, 2}, Preprocess{Mean: []float32{1}}, "preprocessing applies to images only"},
	} {
		if _, err := Open(dir, Spec{Inputs: []Input{{Name: "x", Shape: tt.shape}}, Preprocess: tt.p}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	put("yes/c.wav", wavFile(wavPCM, 1, 8000, 16, []byte{0, 0}))
	if s, err = Open(dir, spec); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Batch(0, 3); err == nil || !strings.Contains(err.Error(), "yes/c.wav has 8000 samples a second, no/a.wav has 16000") {
		t.Error(err)
	}
	put("yes/c.wav", []byte("RIFF"))
	if s, err = Open(dir, spec); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Batch(0, 3); err == nil || !strings.Contains(err.Error(), "yes/c.wav: not a WAV file") {
		t.Error(err)
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(wavFile(wavPCM, 2, 8000, 16, []byte{1, 2, 3, 4}))
	f.Add(wavFile(wavFloat, 1, 8000, 32, []byte{1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := parseWAV(data)
		if err == nil && len(w.samples) > len(data) {
			t.Errorf("%d samples of %d bytes", len(w.samples), len(data))
		}
	})
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte("preset: imagenet\nclasses: [a, b]\n"))
	f.Add([]byte("resize: 3x4\nfill: 7\nmean: [1]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parsePreprocess(data, "nowhere"); err == nil && p.Check() != nil {
			t.Errorf("%+v: %v", p, p.Check())
		}
		parseClasses(data)
	})
}
