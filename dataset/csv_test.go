package dataset

import (
	"bytes"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/google/go-cmp/cmp"
)

func TestCSV(t *testing.T) {
	want := nd.Of([]float32{1, 2.5, -3, 4e-3}, 2, 2)
	for name, tt := range map[string]struct {
		text   string
		shape  []int
		labels []int
	}{
		"header, label last":   {"a,b,species\n1,2.5,1\n-3,4e-3,0\n", []int{-1, 2}, []int{1, 0}},
		"no header":            {"1,2.5,1\n-3,4e-3,0\n", []int{-1, 2}, []int{1, 0}},
		"label named":          {"Label,a,b\n1,1,2.5\n0,-3,4e-3\n", []int{-1, 2}, []int{1, 0}},
		"class names":          {"a,b,class\n1,2.5,setosa\n-3,4e-3,10\n", []int{-1, 2}, []int{1, 0}},
		"class y":              {"1,2.5,y\n-3,4e-3,n\n", []int{-1, 2}, []int{1, 0}},
		"numbered columns":     {"0,1,target\n1,2.5,1\n-3,4e-3,0\n", []int{-1, 2}, []int{1, 0}},
		"integers as decimals": {"1,2.5,1.0\n-3,4e-3,0.0\n", []int{-1, 2}, []int{1, 0}},
		"no label":             {"a,b\n1,2.5\n-3,4e-3\n", []int{-1, 2}, nil},
		"any width":            {"1,2.5,1\n-3,4e-3,0\n", []int{-1, -1}, []int{1, 0}},
		"unknown rank":         {"1,2.5,1\n-3,4e-3,0\n", nil, []int{1, 0}},
		"semicolons":           {"1;2.5;1\n-3;4e-3;0\n", []int{-1, 2}, []int{1, 0}},
		"tabs":                 {"1\t2.5\t1\n-3\t4e-3\t0\n", []int{-1, 2}, []int{1, 0}},
		"as Windows writes":    {"\ufeffa,b,y\r\n1,2.5,1\r\n-3,4e-3,0\r\n", []int{-1, 2}, []int{1, 0}},
		"spaces, quotes":       {"1, 2.5 , 1\n\n-3,\"4e-3\", 0 \n", []int{-1, 2}, []int{1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustOpen(t, write(t, "d.csv", []byte(tt.text)), model(tt.shape...))
			if diff := cmp.Diff(want, all(t, s)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.labels, s.Labels()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCSVClassNamesAreSorted(t *testing.T) {
	s := mustOpen(t, write(t, "d.tsv", []byte("1\tvirginica\n2\tsetosa\n3\tversicolor\n4\tsetosa\n")), model(-1, 1))
	if !slices.Equal(s.Labels(), []int{2, 0, 1, 0}) {
		t.Errorf("labels %v", s.Labels())
	}
}

func TestCSVErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		text         string
		spec         Spec
		text2, hints string
	}{
		"empty":          {"", model(-1, 2), "empty file", ""},
		"header only":    {"a,b,label\n", model(-1, 2), "no line of samples", ""},
		"features":       {"id,a,b,label\n7,1,2,0\n", model(-1, 2), `3 feature columns, but input "x" wants [N 2]`, `columns are "id", "a", "b", "label"`},
		"one column":     {"1\n2\n", model(-1, -1), "0 feature columns", "columns have no names"},
		"missing cell":   {"a,b,label\n1,2,0\n1,,0\n", model(-1, 2), `line 3, column 2 (b): "" is not a finite number`, "all columns but the label"},
		"text cell":      {"1,2,0\n1,x,0\n", model(-1, 2), `line 2, column 2: "x" is not a finite number`, "all columns but the label"},
		"infinite":       {"1,2,0\n1,1e39,0\n", model(-1, 2), `line 2, column 2: "1e39" is not`, "all columns"},
		"NaN":            {"1,nan,0\n", model(-1, 2), `line 1, column 2: "nan" is not`, "all columns"},
		"ragged":         {"1,2,0\n1,2\n", model(-1, 2), "line 2: wrong number of fields", ""},
		"bad quote":      {"1,2,0\n1,\"2,0\n", model(-1, 2), `extraneous or missing "`, ""},
		"missing label":  {"1,2,0\n1,2,\n", model(-1, 2), "line 2 has no label", ""},
		"regression":     {"1,2,0.5\n", model(-1, 2), `"0.5" in the label column is not a class`, "integers or names"},
		"label range":    {"a,b,label\n1,2,0\n1,2,3\n", Spec{Inputs: model(-1, 2).Inputs, Classes: 3}, "sample 1 (line 3) has label 3, but the model has 3 classes", "from 0 to 2"},
		"negative label": {"1,2,-1\n", model(-1, 2), "sample 0 (line 1) has the negative label -1", "from 0"},
		"rank":           {"1,2,0\n", model(-1, 1, 2), `a table feeds a float32 input [N F], but input "x" is [N 1 2]`, ".npz"},
		"type":           {"1,2,0\n", Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, 2}, DType: nd.Int64}}}, "a table feeds a float32 input", ".npz"},
		"two inputs":     {"1,2,0\n", Spec{Inputs: []Input{{Name: "x", Shape: nil, DType: 0}, {Name: "z"}}}, `tables feed one input, but the model has "x", "z"`, ".npz"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(write(t, "d.csv", []byte(tt.text)), tt.spec)
			wantError(t, err, tt.text2, tt.hints)
		})
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b,label\n1,2,x\n3,4,y\n"), 2)
	f.Add([]byte("1;2;0\n3;4;1\n"), -1)
	f.Add([]byte("\ufeff1\t2\r\n"), 2)
	f.Fuzz(func(t *testing.T, file []byte, features int) {
		src, labels, err := readCSV(bytes.NewReader(file), model(-1, max(features, -1)))
		if err != nil {
			return
		}
		if labels != nil && len(labels) != src.len() {
			t.Fatalf("%d samples, %d labels", src.len(), len(labels))
		}
		batch, err := src.batch(count(src.len()))
		if err != nil {
			t.Fatal(err)
		}
		x := batch["x"]
		if features >= 0 && x.Shape[1] != features {
			t.Fatalf("shape %v for %d features", x.Shape, features)
		}
		if err := checkFinite("x", x, nil); err != nil {
			t.Fatal(err)
		}
	})
}
