package dataset

import (
	"archive/zip"
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/google/go-cmp/cmp"
)

func TestNPZInputs(t *testing.T) {
	x := nd.Of([]float32{1, 2, 3, 4}, 2, 2)
	other := nd.Of([]float32{5, 6, 7, 8}, 2, 2)
	ids := nd.Of([]int64{1, 2}, 2)
	mask := nd.Of([]bool{true, false}, 2, 1)
	labels := nd.Of([]int64{1, 0}, 2)
	for name, tt := range map[string]struct {
		arrays []Named
		inputs []Input
		want   map[string]nd.Array
		labels []int
	}{
		"by name": {[]Named{{"labels", labels}, {"other", other}, {"x", x}},
			[]Input{{Name: "x", Shape: []int{-1, 2}, DType: nd.Float32}}, map[string]nd.Array{"x": x}, []int{1, 0}},
		"corpus prefix": {[]Named{{"in/x", x}, {"out/y", other}},
			[]Input{{Name: "x", Shape: []int{-1, 2}, DType: nd.Float32}}, map[string]nd.Array{"x": x}, nil},
		"the only array": {[]Named{{"arr_0", x}, {"y", labels}},
			[]Input{{Name: "x", Shape: []int{-1, -1}, DType: nd.Float32}}, map[string]nd.Array{"x": x}, []int{1, 0}},
		"labels as a column": {[]Named{{"x", x}, {"target", nd.Of([]int64{1, 0}, 2, 1)}},
			[]Input{{Name: "x", Shape: nil, DType: 0}}, map[string]nd.Array{"x": x}, []int{1, 0}},
		"a mask that is no input": {[]Named{{"x", x}, {"mask", labels}},
			[]Input{{Name: "x", Shape: []int{-1, 2}, DType: nd.Float32}}, map[string]nd.Array{"x": x}, []int{1, 0}},
		"an input called labels": {[]Named{{"labels", labels}, {"label", ids}},
			[]Input{{Name: "labels", Shape: []int{-1}, DType: nd.Int64}}, map[string]nd.Array{"labels": labels}, []int{1, 2}},
		"several": {[]Named{{"ids", ids}, {"x", x}, {"mask", mask}},
			[]Input{{Name: "x", Shape: []int{7, 2}, DType: nd.Float32}, {Name: "ids", Shape: []int{-1}, DType: nd.Int64}, {Name: "mask", Shape: []int{-1, 1}, DType: nd.Bool}},
			map[string]nd.Array{"x": x, "ids": ids, "mask": mask}, nil},
		"integers for a float input": {[]Named{{"x", ids}},
			[]Input{{Name: "x", Shape: []int{-1}, DType: nd.Float32}}, map[string]nd.Array{"x": nd.Of([]float32{1, 2}, 2)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustOpen(t, write(t, "d.npz", npzOf(t, tt.arrays...)), Spec{Inputs: tt.inputs})
			got, err := s.Batch(0, s.Len())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.labels, s.Labels()); diff != "" {
				t.Error(diff)
			}
			// Every type can be gathered as well as sliced.
			back, err := s.Subset([]int{1, 0}).Batch(0, 2)
			if err != nil {
				t.Fatal(err)
			}
			for name, a := range tt.want {
				if diff := cmp.Diff([]nd.Array{a.Rows(1, 2), a.Rows(0, 1)}, []nd.Array{back[name].Rows(0, 1), back[name].Rows(1, 2)}); diff != "" {
					t.Errorf("%s reversed: %s", name, diff)
				}
			}
		})
	}
}

func TestNPZByteLabels(t *testing.T) {
	file := zipOf(t, zip.Deflate,
		member{"x.npy", npy("<f2", "False", "(2, 1)", []uint16{0x3c00, 0x4000})},
		member{"labels.npy", npy("|u1", "False", "(2,)", []byte{3, 200})})
	s := mustOpen(t, write(t, "d.npz", file), model(-1, 1))
	if !slices.Equal(s.Labels(), []int{3, 200}) || !slices.Equal(all(t, s).Float32s(), []float32{1, 2}) {
		t.Errorf("%v labelled %v", all(t, s), s.Labels())
	}
}

func TestNPZErrors(t *testing.T) {
	x := nd.Of([]float32{1, 2, 3, 4}, 2, 2)
	nan := nd.Of([]float32{1, 2, 3, float32(math.NaN())}, 2, 2)
	for name, tt := range map[string]struct {
		arrays       []Named
		text, hinted string
	}{
		"several arrays, none of the name": {[]Named{{"arr_0", x}, {"arr_1", x}},
			`no array for the model's input "x": the file has "arr_0", "arr_1"`, "name arrays after the model's inputs"},
		"many arrays": {[]Named{{"a", x}, {"b", x}, {"c", x}, {"d", x}, {"e", x}, {"f", x}, {"g", x}, {"h", x}, {"i", x}, {"j", x}},
			`"h" and 2 more`, "name arrays"},
		"no arrays":      {nil, "the file is empty", "name arrays"},
		"size":           {[]Named{{"x", nd.New(nd.Float32, 2, 3)}}, `array "x" has shape [2 3], but input "x" wants [N 2]`, "reshape"},
		"rank":           {[]Named{{"x", nd.New(nd.Float32, 2, 2, 1)}}, `array "x" has shape [2 2 1], but input "x" wants [N 2]`, "reshape"},
		"scalar":         {[]Named{{"x", nd.Scalar[float32](1)}}, `array "x" is a scalar`, ""},
		"type":           {[]Named{{"x", nd.New(nd.Bool, 2, 2)}}, `array "x": elements are bool, wanted are float32`, ""},
		"not finite":     {[]Named{{"x", nan}}, `array "x": sample 1 holds NaN`, ""},
		"float labels":   {[]Named{{"x", x}, {"labels", nd.New(nd.Float32, 2)}}, `array "labels" is float32, but labels are integers`, "argmax"},
		"one-hot labels": {[]Named{{"x", x}, {"labels", nd.New(nd.Int64, 2, 10)}}, `array "labels" has shape [2 10], but labels are one integer a sample`, "argmax"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(write(t, "d.npz", npzOf(t, tt.arrays...)), model(-1, 2))
			wantError(t, err, tt.text, tt.hinted)
		})
	}

	two := Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, 2}, DType: nd.Float32}, {Name: "z", Shape: []int{-1, 2}, DType: nd.Float32}}}
	_, err := Open(write(t, "d.npz", npzOf(t, Named{"x", x}, Named{"z", nd.New(nd.Float32, 3, 2)})), two)
	wantError(t, err, `array "x" has 2 samples, array "z" has 3`, "")
	two.Inputs = append([]Input{{Name: "rate", Axis: NoAxis, Shape: []int{-1}, DType: nd.Float32}}, two.Inputs...)
	_, err = Open(write(t, "d.npz", npzOf(t, Named{"rate", nd.New(nd.Float32)}, Named{"x", x}, Named{"z", nd.New(nd.Float32, 3, 2)})), two)
	wantError(t, err, `array "x" has 2 samples, array "z" has 3`, "")

	_, err = Open(write(t, "d.npz", []byte("PK but no zip")), model(-1, 2))
	wantError(t, err, "d.npz: not an npz file", "numpy.savez")

	text := zipOf(t, zip.Store, member{"x.npy", npy("<U1", "False", "(1,)", int32('a'))})
	_, err = fromNPZBytes(t, text, model(-1))
	wantError(t, err, `array "x": elements are text, wanted are float32`, "")
}

func fromNPZBytes(t testing.TB, file []byte, spec Spec) (source, error) {
	z, err := newNPZReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	src, _, err := fromNPZ(z, spec)
	return src, err
}
