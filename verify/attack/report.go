package attack

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/verify"
)

// Report is the result of Run. Accuracies are between 0 and 1 and measured on the test set
// unless said otherwise. For tasks other than classification they are qualities
// (task.Score).
type Report struct {
	Task    string   `json:"task"`
	Locked  float64  `json:"locked_accuracy"`
	Attacks []Result `json:"attacks"` // training from scratch left out
	// Scratch is training from scratch; nil when there was no time for it.
	Scratch *Result `json:"scratch"`
	// The following are nil if they cannot be computed. The best attack is the one that
	// does best on the attacker's validation samples. Attacks that need a part of the key
	// do not count.
	ScratchAccuracy *float64 `json:"scratch_accuracy"`
	Best            *float64 `json:"best_attack_accuracy"`
	BestAttack      string   `json:"best_attack,omitempty"`
	// Zero is the zero line: the best, on the validation samples, of training from scratch
	// and of the controls.
	Zero *ZeroLine `json:"zero_line"`
	// Advantage is the best attack's accuracy minus that of the zero line.
	Advantage *float64 `json:"advantage"`
	// Changed is the number of changed weights. Detectors say how well they can be told
	// from others. If most weights are changed, they say how well those of wrong sign can
	// be, and WrongSigns is the number of these. All are left out without
	// Options.Original.
	Changed    int        `json:"changed,omitempty"`
	WrongSigns int        `json:"wrong_signs,omitempty"`
	Detectors  []Detector `json:"detectors,omitempty"`
	Unfinished []string   `json:"unfinished,omitempty"` // for lack of time
	Samples    Samples    `json:"samples"`
	// Curve has the results by the amount of the attacker's data, smallest first, where
	// that was asked for. Run leaves it empty.
	Curve []Point `json:"curve,omitempty"`
	// Evidence is what the report shows beside this, and Page the file with the report. Run
	// leaves both empty.
	Evidence *verify.Evidence `json:"evidence,omitempty"`
	Page     string           `json:"report,omitempty"`
}

// Point is what an attacker reaches with some of the data.
type Point struct {
	Fraction   float64  `json:"fraction"` // of the data
	Samples    int      `json:"samples"`  // to train and to validate on
	Best       *float64 `json:"best_attack_accuracy"`
	BestAttack string   `json:"best_attack,omitempty"`
	Zero       *float64 `json:"zero_line_accuracy"`
	Advantage  *float64 `json:"advantage"`
}

// Point returns the results as a point of a curve.
func (r *Report) Point(fraction float64) Point {
	p := Point{Fraction: fraction, Samples: r.Samples.Train + r.Samples.Validation, Best: r.Best, BestAttack: r.BestAttack, Advantage: r.Advantage}
	if r.Zero != nil {
		p.Zero = &r.Zero.Accuracy
	}
	return p
}

// Samples are the sizes of the sets.
type Samples struct {
	Train      int `json:"train"`
	Validation int `json:"validation"`
	Test       int `json:"test"`
}

// Result is the result of one attack: that of the setting which is best on the attacker's
// validation samples: by the accuracy there, and by the loss where that is equal.
type Result struct {
	Name       string  `json:"name"`
	Accuracy   float64 `json:"accuracy"`
	Validation float64 `json:"validation_accuracy"`
	Loss       float64 `json:"validation_loss"`
	Setting    string  `json:"setting"`
	Insider    bool    `json:"needs_key,omitempty"`
	// Control is the same attack from starts that hold nothing of the original; nil if
	// the attack trains nothing or does not count.
	Control  *Result   `json:"control,omitempty"`
	Seconds  float64   `json:"seconds"`
	Settings []Setting `json:"settings"`
}

// Setting is one way in which an attack was tried.
type Setting struct {
	Name       string  `json:"name"`
	Optimiser  string  `json:"optimiser,omitempty"` // "" without training
	Note       string  `json:"note,omitempty"`
	Epoch      int     `json:"epoch,omitempty"` // whose weights are the best; 0: before training
	Validation float64 `json:"validation_accuracy"`
	Loss       float64 `json:"validation_loss"`
	Accuracy   float64 `json:"accuracy"`
}

// String names the setting.
func (s Setting) String() string {
	if s.Optimiser == "" {
		return s.Name
	}
	return s.Name + ", " + s.Optimiser
}

// ZeroLine is what an attacker reaches without the locked weights.
type ZeroLine struct {
	// From is the attack whose control it is, or Scratch.
	From       string  `json:"from"`
	Setting    string  `json:"setting"`
	Accuracy   float64 `json:"accuracy"`
	Validation float64 `json:"validation_accuracy"`
	Loss       float64 `json:"validation_loss"`
}

func (r *Result) validated() validation { return validation{r.Validation, r.Loss} }

// add adds a result to the report.
func (r *Report) add(a attack, result Result) {
	result.Insider = NeedsOriginal(a.name)
	if a.name == Scratch {
		r.Scratch, r.ScratchAccuracy = &result, &result.Accuracy
	} else {
		r.Attacks = append(r.Attacks, result)
	}
}

// conclude puts the results in the order of List, and computes what follows from all of
// them. What does best on the validation samples is chosen, among attacks and among starts
// that hold nothing alike.
func (r *Report) conclude() {
	place := func(name string) int { return slices.Index(List(), name) }
	slices.SortFunc(r.Attacks, func(a, b Result) int { return cmp.Compare(place(a.Name), place(b.Name)) })
	slices.SortFunc(r.Unfinished, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	zero := func(from string, one *Result) {
		if one != nil && (r.Zero == nil || one.validated().better(validation{r.Zero.Validation, r.Zero.Loss})) {
			r.Zero = &ZeroLine{From: from, Setting: one.Setting, Accuracy: one.Accuracy, Validation: one.Validation, Loss: one.Loss}
		}
	}
	zero(Scratch, r.Scratch)
	var best *Result
	for i := range r.Attacks {
		one := &r.Attacks[i]
		zero(one.Name, one.Control)
		if !one.Insider && (best == nil || one.validated().better(best.validated())) {
			best = one
		}
	}
	if best == nil {
		return
	}
	r.Best, r.BestAttack = &best.Accuracy, best.Name
	if r.Zero != nil {
		advantage := best.Accuracy - r.Zero.Accuracy
		r.Advantage = &advantage
	}
}
