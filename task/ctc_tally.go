package task

import (
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// NewTally implements Task.
func (c CTC) NewTally() Tally { return &ctcTally{task: c} }

// ctcTally tallies readings.
type ctcTally struct {
	task     CTC
	readings []reading
	texts    [][]int
	margins  []float64
	classes  int
	blank    int
}

func (t *ctcTally) Add(outputs []nd.Array, truth nd.Array) error {
	s, err := t.task.steps(outputs)
	if err != nil {
		return err
	}
	texts, err := t.task.texts(truth, s)
	if err != nil {
		return err
	}
	t.classes, t.blank = s.classes, s.blank
	fits := len(texts) == 0
	for i, text := range texts {
		fits = fits || len(text) <= s.t
		t.readings, t.texts = append(t.readings, s.reading(i)), append(t.texts, text)
	}
	if !fits {
		return errLongText
	}
	every := len(texts)*s.t/marginsPerBatch + 1
	for k := 0; k < len(texts)*s.t; k += every {
		t.margins = append(t.margins, margin(s.row(k), gradient.ArgMax(s.row(k))))
	}
	return nil
}

// Scale returns half the median distance of the best class of a step from the second.
func (t *ctcTally) Scale() float64 { return temperature(t.margins) }

// Settings of the quality: how many times as many steps as the texts are long have a
// character, with how many other texts a reading is compared, and the quality that a useless
// model may have.
var blankFactors = []float64{0.5, 1, 2, 4}

const (
	otherTexts = 3
	ctcLuck    = 0.1
)

// Score returns a score whose quality is 1 less the error rate of characters, at least 0,
// with the blank as it is or shifted, whichever tells most. Chance is the same for readings
// and texts of different samples.
func (t *ctcTally) Score() Score {
	n := len(t.texts)
	if n == 0 {
		return Score{}
	}
	var margins []float32
	for _, r := range t.readings {
		margins = append(margins, r.margins...)
	}
	shifts := []float32{0}
	for _, factor := range blankFactors {
		shifts = append(shifts, quantile(margins, factor*float64(length(t.texts))))
	}
	var s Score
	var plain, blind, best float64
	for k, shift := range shifts {
		rate, other := errorsOf(t.readings, t.texts, shift)
		if k == 0 {
			plain, blind, best = rate, other, rate
		}
		right, chance := max(0, 1-rate), max(0, 1-other)
		if k == 0 || right-chance > s.Quality-s.Chance {
			s.Quality, s.Chance, best = right, chance, rate
		}
	}
	s.Luck = ctcLuck + 2*math.Sqrt(0.1/float64(max(length(t.texts), 1)))
	s.Rest = t.rest()
	lines, same := t.lines()
	s.Metrics = []Metric{
		{Name: "CER", Value: bounded(plain), Useless: blind, Lower: true, Share: true},
		{Name: "lines right", Value: lines, Useless: same, Share: true},
		{Name: "CER, best blank", Value: bounded(best), Useless: 1 - s.Chance, Lower: true, Share: true},
	}
	return s
}

// errorsOf returns the error rate of characters: the edits that make readings the texts, in
// shares of the texts' length. other is the same for texts of other samples.
func errorsOf(readings []reading, texts [][]int, shift float32) (rate, other float64) {
	n := len(texts)
	edits, swapped := 0, 0
	for i, r := range readings {
		text := r.text(shift)
		edits += Distance(text, texts[i])
		for k := range otherTexts {
			swapped += Distance(text, texts[(i+k+1)%n])
		}
	}
	all := float64(max(length(texts), 1))
	return float64(edits) / all, float64(swapped) / (all * otherTexts)
}

// restTexts is the number of texts that tell what is left without some characters.
const restTexts = 64

// rest returns what the readings are worth without the characters that are read most often, with
// the blank as it is or shifted so that as many steps have a character as the texts are long.
func (t *ctcTally) rest() (rest Rest) {
	readings, texts := t.readings[:min(len(t.readings), restTexts)], t.texts[:min(len(t.texts), restTexts)]
	answered := make([]int, t.classes)
	for _, r := range readings {
		for k, c := range r.characters {
			if c >= 0 && r.margins[k] < 0 {
				answered[c]++
			}
		}
	}
	answered[t.blank] = -1
	order := mostFrequent(answered)
	for k := range order {
		left := make([]reading, len(readings))
		var margins []float32
		for i, r := range readings {
			left[i] = r.without(order[:k+1])
			margins = append(margins, left[i].margins...)
		}
		for _, shift := range []float32{0, quantile(margins, float64(length(texts)))} {
			rate, other := errorsOf(left, texts, shift)
			right, chance := max(0, 1-rate), max(0, 1-other)
			if rest.Without == nil || right-chance > rest.Beyond {
				rest = Rest{Without: order[: k+1 : k+1], Accuracy: right, Beyond: right - chance}
			}
		}
	}
	return rest
}

// lines returns the share of readings without an error, and of those that are the text of
// another sample.
func (t *ctcTally) lines() (right, same float64) {
	n := len(t.texts)
	for i, r := range t.readings {
		text := r.text(0)
		if slices.Equal(text, t.texts[i]) {
			right += 1 / float64(n)
		}
		if n > 1 && slices.Equal(text, t.texts[(i+1)%n]) {
			same += 1 / float64(n)
		}
	}
	return right, same
}

// Distance returns the least number of characters to insert, delete and replace that makes
// one text the other (Levenshtein).
func Distance[T comparable](a, b []T) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
