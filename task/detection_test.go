package task

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// detector makes [N,4+2,A] from boxes as centre and size, and scores.
func detector(places int, rows ...[6]float32) nd.Array {
	n := len(rows) / places
	y := nd.New(nd.Float32, n, 6, places)
	for i, row := range rows {
		for c, v := range row {
			y.Float32s()[(i/places*6+c)*places+i%places] = v
		}
	}
	return y
}

// Two samples of 100×100 with eight places each: an object of class 0 in the first, one of
// each class in the second.
func scene() (y, truth nd.Array) {
	far := [6]float32{90, 90, 10, 10, 0.01, 0.02}
	y = detector(8,
		[6]float32{20, 20, 20, 20, 0.9, 0.1}, [6]float32{21, 20, 20, 20, 0.8, 0.1}, [6]float32{70, 70, 20, 20, 0.2, 0.3}, far, far, far, far, far,
		[6]float32{40, 20, 20, 40, 0.7, 0.1}, [6]float32{70, 70, 20, 20, 0.1, 0.6}, far, far, far, far, far, far)
	truth = nd.Of([]float32{0, 0.2, 0.2, 0.2, 0.2, -1, 0, 0, 0, 0, 0, 0.4, 0.2, 0.2, 0.4, 1, 0.7, 0.7, 0.2, 0.2}, 2, 2, 5)
	return y, truth
}

var hundred = Detection{Width: 100, Height: 100}

func measured(t *testing.T, d Detection, truth nd.Array, outputs ...nd.Array) Score {
	t.Helper()
	tally := d.NewTally()
	if err := tally.Add(outputs, truth); err != nil {
		t.Fatal(err)
	}
	return tally.Score()
}

func wantMetric(t *testing.T, s Score, name string, want float64) {
	t.Helper()
	if m, ok := s.Metric(name); !ok || math.Abs(m.Value-want) > 1e-3 {
		t.Errorf("%s is %v, want %v", name, m.Value, want)
	}
}

// TestMeanAveragePrecision: by hand. The false detection of class 1 in the first sample,
// which is less sure than the right one, costs nothing; a surer one halves the precision.
func TestMeanAveragePrecision(t *testing.T) {
	y, truth := scene()
	s := measured(t, hundred, truth, y)
	wantMetric(t, s, "mAP@0.5", 1)
	wantMetric(t, s, "mAP@0.5:0.95", 1)

	at := func(sample, place, channel int) *float32 { return &y.Float32s()[(sample*6+channel)*8+place] }
	*at(0, 2, 5) = 0.9
	wantMetric(t, measured(t, hundred, truth, y), "mAP@0.5", 0.75)
	*at(0, 2, 5) = 0.3

	// A box that is off by a fifth overlaps by 2/3, which thresholds from 0.5 to 0.65 accept.
	*at(1, 1, 0) = 74
	s = measured(t, hundred, truth, y)
	wantMetric(t, s, "mAP@0.5", 1)
	wantMetric(t, s, "mAP@0.5:0.95", (10+4)/20.0)
	// Without it only class 0 is found.
	*at(1, 1, 0) = 5
	wantMetric(t, measured(t, hundred, truth, y), "mAP@0.5", 0.5)
}

// TestDetectorForms: all forms of outputs give the same score, in pixels or shares.
func TestDetectorForms(t *testing.T) {
	y, truth := scene()
	places := 8
	get := func(i, a, c int) float32 { return y.Float32s()[(i*6+c)*places+a] }
	objectness := nd.New(nd.Float32, 2, places, 7)
	boxes, corners, scores := nd.New(nd.Float32, 2, places, 4), nd.New(nd.Float32, 2, places, 4), nd.New(nd.Float32, 2, places, 2)
	logits := nd.New(nd.Float32, 2, places, 2)
	for i := range 2 {
		for a := range places {
			k := i*places + a
			for c := range 4 {
				objectness.Float32s()[k*7+c] = get(i, a, c)
				boxes.Float32s()[k*4+c] = get(i, a, c) / 100
			}
			objectness.Float32s()[k*7+4] = 1
			copy(corners.Float32s()[k*4:], []float32{get(i, a, 0) - get(i, a, 2)/2, get(i, a, 1) - get(i, a, 3)/2, get(i, a, 0) + get(i, a, 2)/2, get(i, a, 1) + get(i, a, 3)/2})
			for c := range 2 {
				p := get(i, a, 4+c)
				objectness.Float32s()[k*7+5+c], scores.Float32s()[k*2+c] = p, p
				logits.Float32s()[k*2+c] = float32(math.Log(float64(p / (1 - p))))
			}
		}
	}
	end := nd.Of([]float32{10, 10, 30, 30, 0.9, 0, 60, 60, 80, 80, 0.3, 1, 0, 0, 0, 0, 0, 0, 30, 0, 50, 40, 0.7, 0, 60, 60, 80, 80, 0.6, 1, 0, 0, 0, 0, 0, 0}, 2, 3, 6)
	coco := nd.Of([]float32{0, 10, 10, 20, 20, -1, 0, 0, 0, 0, 0, 30, 0, 20, 40, 1, 60, 60, 20, 20}, 2, 2, 5)
	for name, c := range map[string]struct {
		outputs []nd.Array
		truth   nd.Array
	}{
		"objectness": {[]nd.Array{objectness}, truth}, "centres and scores": {[]nd.Array{boxes, scores}, truth},
		"corners and logits": {[]nd.Array{logits, corners}, truth}, "without duplicates": {[]nd.Array{end}, truth},
		"labels as COCO writes them": {[]nd.Array{y}, coco}, "shares, and labels in pixels": {[]nd.Array{boxes, scores}, coco},
	} {
		s := measured(t, hundred, c.truth, c.outputs...)
		for _, m := range s.Metrics[:2] {
			if math.Abs(m.Value-1) > 1e-3 {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
	_, err := hundred.Answers([]nd.Array{nd.New(nd.Float32, 2, 5)})
	if e, ok := errors.AsType[*DetectorError](err); !ok || len(e.Shapes) != 1 {
		t.Errorf("a matrix: %v", err)
	}
	if _, err := (Detection{}).objects(nd.Of([]float32{9, 0, 0, 1, 1}, 1, 1, 5), &found{n: 1, classes: 2}); err == nil {
		t.Error("class 9 of 2 is taken")
	}
}

// TestDetectionAnswers: what a model finds is right by its own measure.
func TestDetectionAnswers(t *testing.T) {
	y, _ := scene()
	own, err := hundred.Answers([]nd.Array{y})
	if err != nil {
		t.Fatal(err)
	}
	x := own.Float32s()
	if x[0] != 0 || x[1] != 10 || x[4] != 30 || x[6] != 1 || x[12] != -1 {
		t.Errorf("the first objects are %v", x[:18])
	}
	wantMetric(t, measured(t, hundred, own, y), "mAP@0.5", 1)

	// Coefficients of masks behind the scores are no scores.
	const places, channels, coefficients = 20, 6, 3
	plain, masked := nd.New(nd.Float32, 2, channels, places), nd.New(nd.Float32, 2, channels+coefficients, places)
	for i := range masked.Float32s() {
		masked.Float32s()[i] = 1
	}
	for i := range 2 {
		for c := range channels {
			for a := range places {
				v := float32(0)
				if a < 8 {
					v = y.Float32s()[(i*channels+c)*8+a]
				}
				plain.Float32s()[(i*channels+c)*places+a], masked.Float32s()[(i*(channels+coefficients)+c)*places+a] = v, v
			}
		}
	}
	want, err := hundred.Answers([]nd.Array{plain})
	if err != nil {
		t.Fatal(err)
	}
	got, err := hundred.Answers([]nd.Array{masked, nd.New(nd.Float32, 2, coefficients, 5, 5)})
	if err != nil || !slices.Equal(got.Float32s(), want.Float32s()) {
		t.Errorf("with masks: %v, %v, want %v", err, got, want)
	}
}

// TestPresence: scores without any box that is right still tell which classes are there.
func TestPresence(t *testing.T) {
	n := 40
	rows, labels := []([6]float32){}, nd.New(nd.Float32, n, 1, 5)
	for i := range n {
		class := i % 2
		row := [6]float32{-50, -50, 1, 1, 0.1, 0.1}
		row[4+class] = 0.9
		for range 8 {
			rows = append(rows, row)
		}
		copy(labels.Float32s()[i*5:], []float32{float32(class), 0.5, 0.5, 0.2, 0.2})
	}
	s := measured(t, hundred, labels, detector(8, rows...))
	wantMetric(t, s, "mAP@0.5", 0)
	if s.Quality < 0.7 {
		t.Errorf("quality %v of scores that tell all classes", s.Quality)
	}
	for i := range rows {
		rows[i][4], rows[i][5] = 0.9, 0.1
	}
	if s := measured(t, hundred, labels, detector(8, rows...)); s.Quality > s.Useless() {
		t.Errorf("quality %v of scores that tell nothing", s.Quality)
	}
}

// TestDetectionGradient compares with differences.
func TestDetectionGradient(t *testing.T) {
	y, truth := scene()
	loss := hundred.Objective(truth, 2)
	seed := nd.New(nd.Float32, y.Shape...)
	if _, err := loss([]nd.Array{y}, []nd.Array{seed}); err != nil {
		t.Fatal(err)
	}
	some := false
	for i := range y.Float32s() {
		if i/8%6 < 4 {
			continue // coordinates have none
		}
		const h = 1e-3
		x := y.Float32s()[i]
		y.Float32s()[i] = x + h
		high, _ := loss([]nd.Array{y}, nil)
		y.Float32s()[i] = x - h
		low, _ := loss([]nd.Array{y}, nil)
		y.Float32s()[i] = x
		want := (high - low) / (2 * h)
		if got := float64(seed.Float32s()[i]); math.Abs(got-want) > 0.02*math.Max(1, math.Abs(want)) {
			t.Errorf("element %d: %v, want %v", i, got, want)
		}
		some = some || want != 0
	}
	if !some {
		t.Error("no gradient at all")
	}
}

// TestEndToEnd: behind a suppression there is a row of image, corners, class and score for each
// object, in any number.
func TestEndToEnd(t *testing.T) {
	truth := nd.Of([]float32{1, 2, 2, 4, 6, -1, 0, 0, 0, 0, 0, 10, 10, 5, 5, -1, 0, 0, 0, 0}, 2, 2, 5)
	tally := Detection{}.NewTally()
	for i, y := range []nd.Array{
		nd.Of([]float32{0, 2, 2, 6, 8, 1, 0.9, 0, 2, 2, 6, 8, 1, 0.9}, 1, 2, 7), // the same twice: one is left out
		nd.New(nd.Float32, 1, 0, 7),
	} {
		if err := tally.Add([]nd.Array{y}, truth.Rows(i, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if s := tally.Score(); math.Abs(s.Metrics[0].Value-0.5) > 1e-9 { // class 1 is found, class 0 is not
		t.Errorf("%+v", s)
	}
	seeds := []nd.Array{nd.New(nd.Float32, 1, 2, 7)}
	y := nd.Of([]float32{0, 2, 2, 6, 8, 1, 0.9, 0, 20, 20, 26, 28, 1, 0.3}, 1, 2, 7)
	if _, err := (Detection{}).Training(truth.Rows(0, 1))([]nd.Array{y}, seeds); err != nil {
		t.Fatal(err)
	}
	for i, g := range seeds[0].Float32s() {
		if is := g != 0; is != (i%7 == 6) {
			t.Errorf("gradients %v, want some by scores alone", seeds[0].Data)
			break
		}
	}
}
