package task

import (
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Detection is the task of models that find objects: boxes with a class and a score each.
// Outputs are of one of these forms, with C classes and A places where objects may be:
//
//	[N,4+C,A]             centre, size and scores (YOLO v8 to v11)
//	[N,A,5+C]             centre, size, the score of any object, and scores (YOLO v5, v7)
//	[N,A,6]               corners, score and class, behind a suppression of duplicates
//	[N,A,7]               image, corners, class and score, behind one (end to end)
//	[N,A,4] and [N,A,C]   boxes and scores (SSD, DETR), in either order
//	[N,A,4], [N,A] twice  boxes, labels and scores, in any order (torchvision)
//
// Scores are probabilities or logits. One of their classes may stand for no object
// (Background); Settle tells it.
//
// The truth is [N,M,5]: the class of each object, and its box as centre and size in shares
// of the image (as YOLO writes labels), or as corner and size in pixels (as COCO does) if
// numbers exceed 1. Rows of class -1 are padding, and those of class -2-c a crowd of class c:
// a detection most of which lies in it counts neither way. Boxes that a model itself has
// found (Answers) are [N,M,6].
type Detection struct {
	// Width and Height of the image in pixels; 0 if they are not known.
	Width, Height int
	// Background is the class of the scores that stands for no object.
	Background Background
	// IDs are other numbers of the classes of the truth, which the model may count by
	// (dataset.Set.ClassIDs); nil if there are none.
	IDs []int
	// Counting says how the model counts the classes of the truth.
	Counting Counting
}

// Background is a class that stands for no object.
type Background string

// Where a background is. Scores are then compared by Softmax.
const (
	NoBackground    Background = ""
	FirstBackground Background = "first" // class 0, as in SSD
	LastBackground  Background = "last"  // the last class, as in DETR
)

// Counting is a way to count classes.
type Counting string

// How a model counts the classes of the truth.
const (
	FromZero Counting = ""    // as the labels do
	FromOne  Counting = "one" // class 0 is the background
	ByID     Counting = "id"  // as Detection.IDs
)

// class returns the class of the model for one of the truth.
func (d Detection) class(truth int) int {
	switch {
	case d.Counting == FromOne:
		return truth + 1
	case d.Counting == ByID && truth < len(d.IDs):
		return d.IDs[truth]
	}
	return truth
}

// Name returns "detection".
func (Detection) Name() string { return "detection" }

// Traits implements Task.
func (Detection) Traits() Traits {
	return Traits{Quality: "quality", AllOutputs: true, Together: 1, Calibration: fewSamples}
}

// Objective returns the mean, over the objects, of two sigmoids of a difference of scores
// as logits, divided by tau. One is of the largest score of the object's class among boxes
// that cover the object, less the largest among those that cover no object of the class; it
// is 0 if no box covers the object. Whether boxes cover an object has no gradient. The other
// is of the largest score of the class in the sample, less the largest of a class that no
// object of the sample has.
func (d Detection) Objective(truth nd.Array, tau float64) gradient.Loss {
	return d.margin(truth, max(tau, 0.5), false)
}

// Training returns the mean, over the objects, of -log of the sigmoid of t - o as Objective
// has them.
func (d Detection) Training(truth nd.Array) gradient.Loss { return d.margin(truth, 1, true) }

func (d Detection) margin(truth nd.Array, tau float64, training bool) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		f, err := d.found(outputs)
		if err != nil {
			return 0, err
		}
		objects, err := d.objects(truth, f)
		if err != nil {
			return 0, err
		}
		gradient.ClearSeeds(seeds)
		count := 0
		for i, list := range objects {
			objects[i] = slices.DeleteFunc(list, func(o object) bool { return o.crowd })
			count += len(objects[i])
		}
		total, share := 0.0, 1/float64(max(count, 1))
		for i, list := range objects {
			boxes := f.boxes(i)
			for _, o := range list {
				hit, other := f.rivals(i, o, list, boxes)
				at, absent, class := f.absent(i, o, list)
				for _, pair := range []struct{ hit, class, other, otherClass int }{{hit, o.class, other, o.class}, {at, o.class, absent, class}} {
					if pair.hit < 0 {
						if training {
							total += 5 * share
						}
						continue
					}
					z := f.logit(i, pair.hit, pair.class)
					if pair.other >= 0 {
						z -= f.logit(i, pair.other, pair.otherClass)
					}
					p := 1 / (1 + math.Exp(-z/tau))
					slope := p * (1 - p) / (2 * tau)
					if training {
						total -= math.Log(max(p, 1e-9)) * share / 2
						slope = -(1 - p) / 2
					} else {
						total += p * share / 2
					}
					if len(seeds) > 0 {
						f.addSeed(seeds, i, pair.hit, pair.class, slope*share)
						if pair.other >= 0 {
							f.addSeed(seeds, i, pair.other, pair.otherClass, -slope*share)
						}
					}
				}
			}
		}
		return total, nil
	}
}

// absent returns the places with the largest score of an object's class, and of a class that
// no object of the sample has; -1 if there is none.
func (f *found) absent(sample int, o object, list []object) (at, other, class int) {
	at, other, class = -1, -1, -1
	has := map[int]bool{}
	for _, p := range list {
		has[p.class] = true
	}
	var best, most float32
	for a := range f.places {
		for c, end := f.classesAt(sample, a); c < end; c++ {
			s := f.score(sample, a, c)
			if c == o.class && (at < 0 || s > best) {
				at, best = a, s
			}
			if !has[c] && (other < 0 || s > most) {
				other, class, most = a, c, s
			}
		}
	}
	if other < 0 { // all classes are there
		at = -1
	}
	return at, other, class
}

// rivals returns the place with the largest score of an object's class among boxes that
// cover it, and among those that cover no object of the class; -1 if there are none.
func (f *found) rivals(sample int, o object, list []object, boxes []box) (hit, other int) {
	hit, other = -1, -1
	var best, worst float32
	for a, b := range boxes {
		if f.classOf != nil && f.classOf(sample, a) != o.class {
			continue
		}
		s := f.score(sample, a, o.class)
		if s != s {
			continue
		}
		if b.overlap(o.box) >= 0.5 {
			if hit < 0 || s > best {
				hit, best = a, s
			}
			continue
		}
		if other >= 0 && s <= worst {
			continue
		}
		free := true
		for _, p := range list {
			free = free && (p.class != o.class || b.overlap(p.box) < 0.3)
		}
		if free {
			other, worst = a, s
		}
	}
	return hit, other
}

// Limits on what a model finds in a sample: the least score of a detection that counts at
// all and of one that stands for the truth, the overlap from which on two boxes are one,
// and the numbers of detections.
const (
	leastScore  = 0.001
	truthScore  = 0.25
	duplicate   = 0.6
	maxFound    = 100
	maxTruth    = 32
	maxPlaces   = 1000 // with the largest scores, before duplicates are left out
	detectLuck  = 0.02
	presenceLow = 2 // standard deviations that presence has to exceed
)

// Answers returns the objects that a model finds with a score of at least 0.25, [N,32,6]:
// class, corners and score, in the units of the outputs. Rows of class -1 are empty.
func (d Detection) Answers(outputs []nd.Array) (nd.Array, error) {
	f, err := d.found(outputs)
	if err != nil {
		return nd.Array{}, err
	}
	out := nd.New(nd.Float32, f.n, maxTruth, 6)
	x := out.Float32s()
	for i := range f.n {
		list := f.detections(i, truthScore)
		for k := range maxTruth {
			row := x[(i*maxTruth+k)*6:][:6]
			if k >= len(list) {
				row[0] = -1
				continue
			}
			e := list[k]
			copy(row, []float32{float32(e.class), e.x1, e.y1, e.x2, e.y2, e.score})
		}
	}
	return out, nil
}

// NewTally implements Task.
func (d Detection) NewTally() Tally { return &detectionTally{task: d} }

type detectionTally struct {
	task    Detection
	images  int
	objects []labelled
	found   []scored
	present map[int]*columns // by class: largest score of a sample, and whether it has one
	spread  float64
	counted int
}

// labelled is an object of a sample, scored a detection.
type labelled struct {
	image int
	object
}

type scored struct {
	image int
	detection
}

func (t *detectionTally) Add(outputs []nd.Array, truth nd.Array) error {
	f, err := t.task.found(outputs)
	if err != nil {
		return err
	}
	objects, err := t.task.objects(truth, f)
	if err != nil {
		return err
	}
	if t.present == nil {
		t.present = map[int]*columns{}
	}
	for i, list := range objects {
		image := t.images
		t.images++
		has := map[int]bool{}
		for _, o := range list {
			t.objects = append(t.objects, labelled{image, o})
			has[o.class] = true
			if o.crowd {
				continue
			}
			t.spread += math.Abs(t.margin(f, i, o, list))
			t.counted++
		}
		best := map[int]float32{}
		for _, e := range f.detections(i, leastScore) {
			t.found = append(t.found, scored{image, e})
			best[e.class] = max(best[e.class], e.score)
		}
		for class := range f.classes {
			c := t.present[class]
			if c == nil {
				c = &columns{x: make([][]float32, 1), y: make([][]float32, 1)}
				t.present[class] = c
			}
			yes := float32(0)
			if has[class] {
				yes = 1
			}
			c.x[0], c.y[0] = append(c.x[0], best[class]), append(c.y[0], yes)
		}
	}
	return nil
}

func (t *detectionTally) margin(f *found, sample int, o object, list []object) float64 {
	hit, other := f.rivals(sample, o, list, f.boxes(sample))
	if hit < 0 || other < 0 {
		return 0
	}
	return f.logit(sample, hit, o.class) - f.logit(sample, other, o.class)
}

// Scale implements Tally.
func (t *detectionTally) Scale() float64 { return max(1, t.spread/float64(max(1, t.counted))) }

// Score returns a score whose quality is the mean average precision at an overlap of 0.5,
// or how far scores tell which classes are in a sample, whichever is more: boxes alone may
// be wrong.
func (t *detectionTally) Score() Score {
	at50 := averagePrecisions(t.objects, t.found, 0.5)
	sum := at50
	for k := 1; k < 10; k++ {
		sum += averagePrecisions(t.objects, t.found, 0.5+0.05*float32(k))
	}
	presence, told := t.presence()
	s := Score{Quality: max(at50, presence), Luck: detectLuck}
	s.Metrics = []Metric{
		{Name: "mAP@0.5", Value: at50, Share: true},
		{Name: "mAP@0.5:0.95", Value: sum / 10, Share: true},
	}
	if told {
		s.Metrics = append(s.Metrics, Metric{Name: "presence", Value: presence, Share: true})
	}
	return s
}

// presence returns the mean over the classes of 2·AUC - 1 for whether a class is in a
// sample, less two standard deviations of what has nothing to do with it, and at least 0.
// told is false if all classes are in all samples, or in none.
func (t *detectionTally) presence() (p float64, told bool) {
	sum, variance, n := 0.0, 0.0, 0
	for _, c := range t.present {
		auc, ok := areaUnderROC(c.x[0], c.y[0])
		if !ok {
			continue
		}
		yes := 0.0
		for _, y := range c.y[0] {
			yes += float64(y)
		}
		all := float64(len(c.y[0]))
		sum += 2*auc - 1
		variance += (all + 1) / (3 * yes * (all - yes)) // of 2·AUC (Mann and Whitney 1947)
		n++
	}
	if n == 0 {
		return 0, false
	}
	return max(0, (sum-presenceLow*math.Sqrt(variance))/float64(n)), true
}
