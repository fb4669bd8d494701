package attack

// Report is the result of Run. Accuracies are between 0 and 1 and measured on the test set
// unless said otherwise. For tasks other than classification they are qualities
// (task.Score).
type Report struct {
	Task    string   `json:"task"`
	Locked  float64  `json:"locked_accuracy"`
	Attacks []Result `json:"attacks"` // the yardstick left out
	// Scratch is the yardstick; nil when there was no time for it.
	Scratch *Result `json:"scratch"`
	// The following are nil if they cannot be computed. Attacks that need a part of the
	// key do not count.
	ScratchAccuracy *float64 `json:"scratch_accuracy"`
	Best            *float64 `json:"best_attack_accuracy"`
	// Advantage is the best attack's accuracy minus that of training from scratch.
	Advantage *float64 `json:"advantage"`
	// Changed is the number of changed weights. Detectors say how well they can be told
	// from others. Both are left out without Options.Original.
	Changed    int        `json:"changed,omitempty"`
	Detectors  []Detector `json:"detectors,omitempty"`
	Unfinished []string   `json:"unfinished,omitempty"` // for lack of time
	Samples    Samples    `json:"samples"`
}

// Samples are the sizes of the sets.
type Samples struct {
	Train      int `json:"train"`
	Validation int `json:"validation"`
	Test       int `json:"test"`
}

// Result is the result of one attack: that of the setting which is best on the attacker's
// validation samples.
type Result struct {
	Name       string    `json:"name"`
	Accuracy   float64   `json:"accuracy"`
	Validation float64   `json:"validation_accuracy"`
	Setting    string    `json:"setting"`
	Insider    bool      `json:"needs_key,omitempty"`
	Seconds    float64   `json:"seconds"`
	Settings   []Setting `json:"settings"`
}

// Setting is one way in which an attack was tried.
type Setting struct {
	Name       string  `json:"name"`
	Optimiser  string  `json:"optimiser,omitempty"` // "" without training
	Note       string  `json:"note,omitempty"`
	Epoch      int     `json:"epoch,omitempty"` // whose weights are the best; 0: before training
	Validation float64 `json:"validation_accuracy"`
	Accuracy   float64 `json:"accuracy"`
}

// String names the setting.
func (s Setting) String() string {
	if s.Optimiser == "" {
		return s.Name
	}
	return s.Name + ", " + s.Optimiser
}

// add adds a result to the report and updates what follows from all results.
func (r *Report) add(a attack, result Result) {
	result.Insider = NeedsOriginal(a.name)
	if a.name == Scratch {
		r.Scratch, r.ScratchAccuracy = &result, &result.Accuracy
	} else {
		r.Attacks = append(r.Attacks, result)
	}
	for i := range r.Attacks {
		one := &r.Attacks[i]
		if !one.Insider && (r.Best == nil || one.Accuracy > *r.Best) {
			r.Best = &one.Accuracy
		}
	}
	if r.Best != nil && r.Scratch != nil {
		advantage := *r.Best - *r.ScratchAccuracy
		r.Advantage = &advantage
	}
}
