package verify

import (
	"encoding/json"
	"time"
)

// Evidence is what a report shows beside the result of a run: where the figures come from,
// how sure they are, where a lock changes a model, and what that does to samples.
type Evidence struct {
	Tool    string    `json:"tool"` // program and version
	Created time.Time `json:"created"`
	Machine Machine   `json:"machine"`
	Files   []File    `json:"files"`
	// Settings are the options in effect, those that were not given included.
	Settings []Setting `json:"settings"`
	Timings  []Timing  `json:"timings,omitempty"`

	Profile       string `json:"profile,omitempty"` // of the lock; "" if it is not known
	Task          string `json:"task,omitempty"`
	Data          string `json:"data,omitempty"` // a description of the samples
	Preprocessing string `json:"preprocessing,omitempty"`
	Samples       int    `json:"samples,omitempty"`

	// Intervals are those of figures of an attack: "locked", "best" and "zero".
	Intervals map[string]Interval `json:"intervals,omitempty"`

	Models     []Measured     `json:"models,omitempty"`
	ClassNames []string       `json:"class_names,omitempty"`
	Classes    []ClassResult  `json:"classes,omitempty"`
	Confusion  *Confusion     `json:"confusion,omitempty"`
	Steps      *Steps         `json:"steps,omitempty"`
	Tensors    []Tensor       `json:"tensors,omitempty"`
	Examples   []Example      `json:"examples,omitempty"`
	Worth      []Consequences `json:"worth,omitempty"`
}

// File identifies one file that was looked at.
type File struct {
	Role   string `json:"role"` // "original", "locked" …
	Name   string `json:"name"`
	Size   int64  `json:"bytes"`
	SHA256 Digest `json:"sha256"`
}

// Timing is how long one step took.
type Timing struct {
	Step     string
	Duration time.Duration
}

// timing is a Timing in JSON, in seconds.
type timing struct {
	Step    string  `json:"step"`
	Seconds float64 `json:"seconds"`
}

// MarshalJSON implements json.Marshaler.
func (t Timing) MarshalJSON() ([]byte, error) {
	return json.Marshal(timing{t.Step, t.Duration.Seconds()})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Timing) UnmarshalJSON(text []byte) error {
	var one timing
	err := json.Unmarshal(text, &one)
	*t = Timing{one.Step, time.Duration(one.Seconds * float64(time.Second))}
	return err
}

// Setting is an option of a run with its value, for people.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Machine is where a run took place.
type Machine struct {
	System  string `json:"system"` // operating system and architecture
	CPU     string `json:"cpu,omitempty"`
	Threads int    `json:"threads"`
	Kernel  string `json:"kernel"` // the instruction set that kernels used
}

// Measured is what a model is worth.
type Measured struct {
	Name    string   `json:"name"` // "original", "locked" or "unlocked"
	Metrics []Figure `json:"metrics"`
	Quality float64  `json:"quality"`
	Chance  float64  `json:"chance"`
	Right   *int     `json:"right,omitempty"` // of Evidence.Samples, for classes
	// Entropy is that of the labels, in bits; nil without classes.
	Entropy *float64 `json:"entropy_bits,omitempty"`
}

// Interval bounds a share at 95 %.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Figure is the value of a metric. Low and High bound it at 95 %, where it is a share of
// samples that are right or wrong.
type Figure struct {
	Name    string   `json:"name"`
	Value   float64  `json:"value"`
	Low     *float64 `json:"low,omitempty"`
	High    *float64 `json:"high,omitempty"`
	Useless float64  `json:"useless"`
	Better  string   `json:"better"`
	Share   bool     `json:"share,omitempty"`
	Unit    string   `json:"unit,omitempty"`
}

// ClassResult compares a class in the original and in the locked model.
type ClassResult struct {
	Class    int     `json:"class"`
	Samples  int     `json:"samples"`
	Before   float64 `json:"before"`   // share answered right
	Locked   float64 `json:"locked"`   // share answered right
	Answered float64 `json:"answered"` // share of all samples that get this answer of the locked model
}

// Confusion counts answers by label. A matrix has a row for each label and a column for each
// answer. It is nil where there are too many classes.
type Confusion struct {
	Original [][]int `json:"original,omitempty"`
	Locked   [][]int `json:"locked"`
	// Frequent has the most frequent wrong answers of the locked model.
	Frequent []Mistake `json:"frequent"`
}

// Mistake is how often samples of a label get a wrong answer.
type Mistake struct {
	Label  int `json:"label"`
	Answer int `json:"answer"`
	Count  int `json:"count"`
}

// Steps say what a model is worth with the first of its changes only.
type Steps struct {
	// Order says what comes first: "search", as they were found, or "graph", from input
	// to output.
	Order   string `json:"order"`
	Metric  string `json:"metric"`
	Share   bool   `json:"share,omitempty"`
	Samples int    `json:"samples"`
	Points  []Step `json:"points"`
}

// Step is the value of the metric with some changes.
type Step struct {
	Changed int     `json:"changed"`
	Value   float64 `json:"value"`
}

// Tensor is a parameter of the model, in the order of the graph.
type Tensor struct {
	Name      string     `json:"name"`
	Operator  string     `json:"operator,omitempty"` // that uses it
	Shape     []int      `json:"shape"`
	Elements  int        `json:"elements"`
	Changed   int        `json:"changed"`
	Histogram *Histogram `json:"histogram,omitempty"`
}

// Histogram counts the values of a tensor in bins of equal width.
type Histogram struct {
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Before []int   `json:"before"`
	Locked []int   `json:"locked"`
	// Values are the new values of changed elements, if they are few.
	Values []float64 `json:"values,omitempty"`
}

// Example is a sample with the answers to it. What they are depends on By.
type Example struct {
	Sample int `json:"sample"` // counted from 0
	// By is "class", "value", "right" (share of the positions that are right), "objects"
	// (their number) or "likeness" (cosine between outputs and those of the original, less
	// their means over the samples shown).
	By       string   `json:"by"`
	Label    *float64 `json:"label,omitempty"`
	Original *float64 `json:"original,omitempty"`
	Locked   float64  `json:"locked"`

	View View `json:"-"`
}

// View is how an example looks.
type View struct {
	Picture       []byte // a PNG
	Width, Height int    // of the sample, in pixels
	Text          string
	Answered      [2]string      // texts that the original and the locked model answer
	Series        [][]float64    // lines, one a channel
	Features      []float64      // of a table
	Boxes         [2][]Box       // found by the original and by the locked model
	Masks         [2][]byte      // PNGs of classes by pixel
	Pictures      [2][]byte      // PNGs that the original and the locked model make of the sample
	Lines         [2][][]float64 // signals that they make of it
}

// Box is an object in a picture; all lengths are shares of it.
type Box struct {
	X, Y, Width, Height float64
	Class               int
	Score               float64
}

// Digest is a SHA-256. In JSON it is hexadecimal.
type Digest [32]byte

// IsObjects reports whether the answers are objects in a picture.
func (e Example) IsObjects() bool { return e.By == "objects" }

// LabelClass returns the label as a class, -1 for none.
func (e Example) LabelClass() int { return classOf(e.Label) }

// OriginalClass returns the original's answer as a class, -1 for none.
func (e Example) OriginalClass() int { return classOf(e.Original) }

// LockedClass returns the locked model's answer as a class, -1 for none.
func (e Example) LockedClass() int { return classOf(&e.Locked) }

// Wrong reports whether the locked model answers something else than the label, or than the
// original where there is none.
func (e Example) Wrong() bool {
	if e.Label != nil {
		return e.LockedClass() != e.LabelClass()
	}
	return e.LockedClass() != e.OriginalClass()
}

func classOf(x *float64) int {
	if x == nil {
		return -1
	}
	return int(*x)
}
