package dataset

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
)

// labelled opens two samples or more with the given labels, of any kind.
func labelled(t *testing.T, labels nd.Array) (*Set, error) {
	t.Helper()
	n := labels.Shape[0]
	path := write(t, "set.npz", npzOf(t, Named{"x", nd.New(nd.Float32, n, 3)}, Named{"labels", labels}))
	return Open(path, Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, 3}}}, AnyLabels: true, NeedLabels: true})
}

func TestAnyLabels(t *testing.T) {
	for _, c := range []struct {
		name    string
		labels  nd.Array
		classes bool
	}{
		{"classes", nd.Of([]int64{2, 0, 1}, 3), true},
		{"classes in a column", nd.Of([]int64{2, 0, 1}, 3, 1), true},
		{"negative ones", nd.Of([]int64{-2, 0, 1}, 3), true},
		{"numbers", nd.Of([]float32{0.5, 1, 2}, 3), false},
		{"a matrix", nd.Of([]int64{0, 1, 1, 1, 0, 0}, 3, 2), false},
		{"bits", nd.Of([]bool{true, false, true}, 3), false},
		{"planes", nd.New(nd.Int64, 3, 4, 4), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := labelled(t, c.labels)
			if err != nil {
				t.Fatal(err)
			}
			if (s.Labels() != nil) != c.classes {
				t.Errorf("Labels: %v", s.Labels())
			}
			// The truth goes with its samples.
			got := s.Subset([]int{2, 0}).Truth(0, 2)
			want := []nd.Array{c.labels.Rows(2, 3), c.labels.Rows(0, 1)}
			for i, w := range want {
				row := got.Rows(i, i+1)
				if row.Len() != w.Len() || !equal(row, w) {
					t.Errorf("sample %d has %v, want %v", i, row, w)
				}
			}
		})
	}
}

// equal compares elements.
func equal(a, b nd.Array) bool {
	switch x := a.Data.(type) {
	case []int64:
		return slices.Equal(x, b.Int64s())
	case []bool:
		return slices.Equal(x, b.Bools())
	}
	return slices.Equal(a.Float32s(), b.Float32s())
}

func TestClassified(t *testing.T) {
	s, err := labelled(t, nd.Of([]int64{2, 0, 1}, 3))
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Classified(3); err != nil || !slices.Equal(s.Labels(), []int{2, 0, 1}) {
		t.Errorf("%v, %v", s.Labels(), err)
	}
	for _, c := range []struct {
		labels nd.Array
		want   string
	}{
		{nd.Of([]int64{2, 0, 3}, 3), "sample 2 has label 3, but the model has 3 classes"},
		{nd.Of([]int64{2, -1, 1}, 3), "negative label -1"},
		{nd.Of([]float32{2, 0.5, 1}, 3), "float32, but classes are integers"},
		{nd.Of([]int64{1, 0, 0, 1}, 2, 2), "shape [2 2], but classes are one integer a sample"},
	} {
		s, err := labelled(t, c.labels)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Classified(3); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.labels, err, c.want)
		}
	}
}

func TestAnyLabelsErrors(t *testing.T) {
	if _, err := labelled(t, nd.Of([]float32{1, float32(math.Inf(1))}, 2)); err == nil || !strings.Contains(err.Error(), "sample 1 holds +Inf") {
		t.Errorf("an infinite label: %v", err)
	}
	path := write(t, "set.npz", npzOf(t, Named{"x", nd.New(nd.Float32, 2, 3)}, Named{"labels", nd.New(nd.Float32, 3, 2)}))
	if _, err := Open(path, Spec{Inputs: []Input{{Name: "x"}}, AnyLabels: true}); err == nil || !strings.Contains(err.Error(), "2 samples, but 3 labels") {
		t.Errorf("too many labels: %v", err)
	}
	path = write(t, "set.npz", npzOf(t, Named{"x", nd.New(nd.Float32, 2, 3)}, Named{"labels", nd.Scalar(float32(1))}))
	if _, err := Open(path, Spec{Inputs: []Input{{Name: "x"}}, AnyLabels: true}); err == nil || !strings.Contains(err.Error(), "scalar") {
		t.Errorf("a scalar: %v", err)
	}
}

func TestWithTruth(t *testing.T) {
	s, err := labelled(t, nd.Of([]int64{2, 0, 1}, 3))
	if err != nil {
		t.Fatal(err)
	}
	s = s.WithTruth(nd.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2)).Subset([]int{1, 2})
	if s.Labels() != nil || !slices.Equal(s.Truth(0, 2).Float32s(), []float32{3, 4, 5, 6}) {
		t.Errorf("%v, %v", s.Labels(), s.Truth(0, 2))
	}
	if s = s.WithLabels([]int{7, 8}); !slices.Equal(s.Truth(0, 2).Int64s(), []int64{7, 8}) {
		t.Errorf("%v", s.Truth(0, 2))
	}
	if strings.Contains(s.Describe(), "without labels") {
		t.Error(s.Describe())
	}
}

// TestCSVNumbers: the label column of a table may hold numbers to predict.
func TestCSVNumbers(t *testing.T) {
	spec := Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, 2}}}, AnyLabels: true}
	open := func(text string) (*Set, error) { return Open(write(t, "t.csv", []byte(text)), spec) }
	s, err := open("a,b,target\n1,2,0.25\n3,4,-7\n")
	if err != nil || !slices.Equal(s.Truth(0, 2).Float32s(), []float32{0.25, -7}) {
		t.Errorf("%v, %v", s, err)
	}
	if s, err = open("1,2,cat\n3,4,ant\n"); err != nil || !slices.Equal(s.Labels(), []int{1, 0}) {
		t.Errorf("names: %v, %v", s, err)
	}
	if _, err = open("1,2,cat\n3,4,0.5\n"); err == nil || !strings.Contains(err.Error(), "not a class") {
		t.Errorf("names and numbers: %v", err)
	}
}
